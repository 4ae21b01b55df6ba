import { expect } from 'chai';
import type { EngineEvent } from '../../src/engine/engine-types.js';
import type { RecordedPieces } from '../../src/engine/ownership-log.js';
import { AnnounceGate } from '../../src/engine/announce-gate.js';
import { TorrentSession, type SessionOptions } from '../../src/engine/torrent-session.js';
import type { ErrorValue } from '../../src/errors.js';
import type { PieceIndex } from '../../src/metainfo/piece-layout.js';
import { Bitfield } from '../../src/protocol/bitfield.js';
import { createPeerId } from '../../src/protocol/peer-id.js';
import { piecesOf } from '../../src/swarm/pieces-of.js';
import { TrackerClient } from '../../src/tracker/tracker-client.js';
import type { WorkerPool } from '../../src/workers/worker-pool.js';
import type { ToWorker } from '../../src/workers/worker-messages.js';
import { aMetainfo } from '../helpers/a-torrent.js';

const OURS = createPeerId(new Uint8Array(20), '1.2.3');
const THEIRS = createPeerId(new Uint8Array(20).fill(9), '1.2.3');

describe('TorrentSession', () => {
  const metainfo = aMetainfo();
  const { layout } = metainfo;
  const partFiles = [{ path: '/out/story.txt.part', lengthBytes: 1000, depth: 1 }];
  const finalFiles = [{ path: '/out/story.txt', lengthBytes: 1000, depth: 1 }];
  /** What the pool was asked for: by worker, `all` for broadcasts. */
  let sent: { readonly to: number | 'all'; readonly message: ToWorker }[];
  let recorded: RecordedPieces[];
  let events: EngineEvent[];
  let failures: ErrorValue[];
  let servingFailures: ErrorValue[];
  let completions: number;
  let session: TorrentSession;

  function aSession(changes: Partial<SessionOptions> = {}): TorrentSession {
    [sent, recorded, events, failures, servingFailures, completions] = [[], [], [], [], [], 0];
    let linkSerial = 0;
    const pool = {
      hostCount: 2,
      send: (to: number, message: ToWorker) => void sent.push({ to, message }),
      broadcast: (message: ToWorker) => void sent.push({ to: 'all', message }),
      requestEach: (message: ToWorker) => {
        sent.push({ to: 'all', message });
        return Promise.resolve();
      },
    } as unknown as WorkerPool;
    session = new TorrentSession({
      torrentId: 7,
      metainfo,
      peerId: OURS,
      files: partFiles,
      owned: new Bitfield(layout.pieceCount),
      mask: undefined,
      wantsPieces: true,
      trackerTiers: [],
      peers: [],
      listenPorts: [6881],
      usesWebSeeds: true,
      superSeeds: true,
      uploadSlots: 8,
      maxPeers: 50,
      verifyWith: undefined,
      downloadLimitBytesPerSec: undefined,
      pool,
      announceGate: new AnnounceGate(),
      trackerClient: new TrackerClient(),
      recorder: { record: (pieces) => void recorded.push(pieces) },
      nextLinkId: () => (linkSerial += 2),
      onEvent: (event) => events.push(event),
      onComplete: () => (completions += 1),
      onFailed: (error) => failures.push(error),
      onServingFailed: (error) => servingFailures.push(error),
      onStopped: () => undefined,
      ...changes,
    });
    return session;
  }

  // Its timer must not outlive the test.
  afterEach(() => session.stop(0));

  /** All messages of a type, with whom they went to. */
  function ofType<Type extends ToWorker['type']>(
    type: Type,
  ): (Extract<ToWorker, { type: Type }> & { to: number | 'all' })[] {
    return sent
      .filter(({ message }) => message.type === type)
      .map(({ to, message }) => ({ ...(message as Extract<ToWorker, { type: Type }>), to }));
  }
  const actions = (): string[] => ofType('link').map(({ to, action }) => `${to} ${action.type}`);
  const piece = (index: number): PieceIndex => layout.pieceIndex(index);

  /** A peer that has everything comes in through worker 1 and unchokes us. */
  function aSeedConnects(linkId = 101): void {
    const address = { host: '127.0.0.1', port: 5000 };
    const say = (event: object): void =>
      session.handleMessage(1, { type: 'swarm', torrentId: 7, event: { linkId, ...event } as never });
    say({ type: 'link-handshaken', address, incoming: true, peerId: THEIRS });
    session.settle();
    say({ type: 'peer-extended', client: 'Friend 1', uploadOnly: false });
    say({ type: 'peer-has', pieces: 'all' });
    session.settle();
    say({ type: 'peer-unchoked' });
    session.settle();
  }

  it('tells all workers of the torrent when it starts, once', () => {
    aSession();
    expect(sent).to.deep.equal([]);

    session.start();
    session.start();

    expect(ofType('add-torrent').map(({ to }) => to)).to.deep.equal(['all']);
    expect(ofType('add-torrent')[0]?.torrent).to.deep.include({
      torrentId: 7,
      files: partFiles,
      writes: true,
      uploadOnly: false,
    });
  });

  it('offers what is owned and not masked', () => {
    const mask = new Bitfield(layout.pieceCount);
    mask.set(1);
    mask.set(2);
    const owned = Bitfield.full(layout.pieceCount);
    owned.clear(2);

    aSession({ owned, mask, wantsPieces: false });

    expect(session.offeredPieces).to.equal(1);
    expect(session.snapshot()).to.include({ verifiedPieces: 1 });
  });

  it('writes intents down before the workers hear of the pieces', () => {
    aSession();
    session.start();
    aSeedConnects();

    expect(actions()).to.include.members(['1 admit', '1 interested', '1 fetch-piece']);
    const fetched = ofType('link').flatMap(({ action }) =>
      action.type === 'fetch-piece' ? [...piecesOf(action)] : [],
    );
    expect(recorded.flatMap(({ intents }) => intents ?? [])).to.deep.equal(fetched);
  });

  it('offers and writes down what is verified, and says so when that is all', () => {
    aSession();
    session.start();
    aSeedConnects();

    for (let index = 0; index < layout.pieceCount; index += 1) {
      const event = { type: 'piece-verified', linkId: 101, pieceIndex: piece(index), liars: [] } as const;
      session.handleMessage(1, { type: 'swarm', torrentId: 7, event });
    }
    expect(completions).to.equal(0);
    session.settle();

    expect(completions).to.equal(1);
    expect(session.offeredPieces).to.equal(layout.pieceCount);
    expect(recorded.flatMap(({ verified }) => verified ?? [])).to.have.length(layout.pieceCount);
    expect(ofType('haves').flatMap(({ pieceIndices }) => pieceIndices)).to.have.length(layout.pieceCount);
  });

  it('names the peers of a refused piece', () => {
    aSession();
    session.start();
    aSeedConnects();
    const [admitted] = ofType('link').flatMap(({ action }) => (action.type === 'admit' ? [action] : []));

    const event = {
      type: 'piece-failed',
      linkId: 101,
      pieceIndex: piece(3),
      contributors: [admitted?.blameKey ?? ''],
    } as const;
    session.handleMessage(1, { type: 'swarm', torrentId: 7, event });

    const { infoHash } = metainfo;
    expect(events).to.deep.equal([
      { type: 'piece-refused', infoHash, pieceIndex: 3, peers: ['127.0.0.1:5000 (Friend 1)'] },
    ]);
    expect(session.refusedPieces).to.equal(1);
  });

  it('fails of a torrent that contradicts itself and of a disk that cannot be written, not of one upload', () => {
    aSession();
    session.start();
    const error = { code: 'P2P_DISK_FULL', message: 'the disk is full', details: {} } as const;

    session.handleMessage(0, { type: 'disk-failed', torrentId: 7, serving: true, error });
    session.handleMessage(0, { type: 'disk-failed', torrentId: 7, serving: true, error });
    expect(failures).to.deep.equal([]);
    expect(servingFailures).to.deep.equal([error, error]);

    session.handleMessage(0, { type: 'disk-failed', torrentId: 7, serving: false, error });
    session.handleMessage(0, {
      ...{ type: 'contradiction', torrentId: 7, pieceIndex: piece(1), holds: ['sha1'], fails: ['blake3'] },
    });
    expect(failures.map(({ code }) => code)).to.deep.equal(['P2P_DISK_FULL', 'P2P_TORRENT_CONTRADICTS_ITSELF']);
  });

  it('adds up what came in vain', () => {
    aSession();

    session.handleMessage(0, { type: 'wasted', torrentId: 7, bytes: 100 });
    session.handleMessage(1, { type: 'wasted', torrentId: 7, bytes: 20 });

    expect(session.wastedBytes).to.equal(120);
  });

  describe('a worker thread that died', () => {
    it('is told of the torrent again, and its links are lost', () => {
      aSession();
      session.start();
      aSeedConnects();
      expect(session.snapshot().links).to.have.length(1);
      sent = [];

      session.handleHostLost(0);
      expect(session.snapshot().links).to.have.length(1);
      session.handleHostLost(1);

      expect(ofType('add-torrent').map(({ to }) => to)).to.deep.equal([0, 1]);
      expect(session.snapshot()).to.deep.include({ links: [], assignedPieces: 0 });
    });

    it('is told of the final files when they have their names', () => {
      aSession();
      session.start();

      session.handleRenamed(finalFiles);
      session.handleHostLost(0);

      expect(ofType('add-torrent').at(-1)?.torrent).to.deep.include({
        files: finalFiles,
        writes: false,
        uploadOnly: true,
      });
    });

    it('is not told of a torrent that has not started, or is over', async () => {
      aSession();
      session.handleHostLost(0);
      expect(sent).to.deep.equal([]);
      session.start();
      await session.stop(0);
      sent = [];

      session.handleHostLost(0);

      expect(sent).to.deep.equal([]);
    });
  });

  it('closes its files at the end, with what it has verified durable, and does nothing any more', async () => {
    aSession();
    session.start();
    aSeedConnects();
    const event = { type: 'piece-verified', linkId: 101, pieceIndex: piece(0), liars: [] } as const;
    session.handleMessage(1, { type: 'swarm', torrentId: 7, event });
    session.settle();

    await session.stop(0);

    expect(ofType('remove-torrent')).to.have.length(1);
    expect(recorded.at(-1)).to.deep.equal({ durable: [0] });
    const before = sent.length;
    session.handleMessage(1, { type: 'swarm', torrentId: 7, event: { ...event, pieceIndex: piece(1) } });
    session.settle();
    session.start();
    await session.stop(0);
    expect(sent).to.have.length(before);
    expect(session.offeredPieces).to.equal(1);
  });
});
