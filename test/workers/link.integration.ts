import { expect } from 'chai';
import type net from 'node:net';

import { HashRegistry } from '../../src/hashing/hash-registry.js';
import { encodeHandshake } from '../../src/protocol/handshake.js';
import { HANDSHAKE_TIMEOUT_MS, IDLE_TIMEOUT_MS, KEEP_ALIVE_MS } from '../../src/protocol/limits.js';
import { encodeMessage } from '../../src/protocol/message-encoder.js';
import type { SwarmEvent } from '../../src/swarm/swarm-events.js';
import { Link } from '../../src/workers/link.js';
import { SharedTokenBucket } from '../../src/workers/shared-token-bucket.js';
import { WorkerTorrent } from '../../src/workers/worker-torrent.js';
import { turns, useTorrents } from './torrent-on-disk.js';

const INFO_HASH = new Uint8Array(20).fill(1);
const PEER_ID = new Uint8Array(20).fill(66);

/** A socket of which only what a link uses is there. */
class FakeSocket {
  readonly written: Uint8Array[] = [];
  writableLength = 0;
  isDestroyed = false;
  isResumed = false;

  write(bytes: Uint8Array, done?: (error?: Error) => void): boolean {
    this.written.push(bytes);
    done?.();
    return true;
  }

  destroy(): void {
    this.isDestroyed = true;
  }

  resume(): void {
    this.isResumed = true;
  }
}

interface Scene {
  readonly link: Link;
  readonly socket: FakeSocket;
  readonly torrent: WorkerTorrent;
  nowMs: number;
  closedCount: number;
  events(): SwarmEvent['type'][];
  /** The last event of that type. */
  event<Type extends SwarmEvent['type']>(type: Type): Extract<SwarmEvent, { type: Type }> | undefined;
}

function theirHandshake(infoHash = INFO_HASH): Uint8Array {
  return encodeHandshake({ infoHash, peerId: PEER_ID, supportsFast: true, supportsExtended: true });
}

describe('Link', () => {
  const aTorrent = useTorrents();

  function aScene({ incoming = true } = {}): Scene {
    const disk = aTorrent({ pieceLengthBytes: 100, lengths: 1000 });
    const torrent = new WorkerTorrent(
      {
        torrentId: 1,
        infoHash: INFO_HASH,
        peerId: new Uint8Array(20).fill(65),
        pieceLengthBytes: 100,
        files: disk.torrentFiles,
        digests: disk.digests,
        webPaths: [],
        verifyWith: undefined,
        offered: new SharedArrayBuffer(2),
        writes: true,
        uploadOnly: false,
        listenPorts: [],
        metadataBytes: undefined,
        isPrivate: false,
        dhtPort: undefined,
      },
      HashRegistry.builtIn(),
      disk.handles,
      disk.pool,
    );
    const socket = new FakeSocket();
    const said: SwarmEvent[] = [];
    const bucket = new SharedTokenBucket(SharedTokenBucket.allocate());
    const scene = { nowMs: 1_000, closedCount: 0 };
    const link = new Link({
      linkId: 5,
      incoming,
      socket: socket as unknown as net.Socket,
      address: { host: '127.0.0.1', port: 9 },
      host: {
        uploadBucket: bucket,
        downloadBucket: bucket,
        client: 'p2p/test',
        emit: (message) => {
          if (message.type === 'swarm') said.push(message.event);
        },
        emitLater: (message) => {
          if (message.type === 'swarm') said.push(message.event);
        },
        nowMs: () => scene.nowMs,
        findTorrent: (infoHash) => (Buffer.from(infoHash).equals(INFO_HASH) ? torrent : undefined),
        handleClosed: () => {
          scene.closedCount += 1;
        },
      },
      torrent: incoming ? undefined : torrent,
    });
    return Object.assign(scene, {
      link,
      socket,
      torrent,
      events: () => said.map(({ type }) => type),
      event: (type: SwarmEvent['type']) => said.filter((event) => event.type === type).at(-1) as never,
    });
  }

  /** A link that was admitted. */
  function anOpenLink(): Scene {
    const scene = aScene();
    scene.link.handleBytes(theirHandshake());
    scene.link.admit('them', false);
    return scene;
  }

  it('answers a handshake as soon as it knows the torrent, and asks the main thread', () => {
    const { link, socket, event } = aScene();
    const bytes = theirHandshake();

    expect(link.handleBytes(bytes.subarray(0, 47))).to.equal(true);
    expect(socket.written).to.have.length(0);
    expect(link.handleBytes(bytes.subarray(47, 48))).to.equal(true);
    expect(socket.written.map((each) => each.length)).to.deep.equal([68]);
    expect(link.handleBytes(bytes.subarray(48)), 'reads no further').to.equal(false);

    expect(event('link-handshaken')).to.deep.include({ linkId: 5, incoming: true });
    expect(socket.written, 'nothing before admission').to.have.length(1);
  });

  it('speaks first when it dialled', () => {
    const { link, socket, events } = aScene({ incoming: false });
    link.handleConnected();
    expect(socket.written.map((each) => each.length)).to.deep.equal([68]);

    link.handleBytes(theirHandshake());

    expect(events()).to.deep.equal(['link-handshaken']);
    expect(socket.written).to.have.length(1);
  });

  it('keeps what came before its admission', () => {
    const { link, events, socket } = aScene();
    const early = Buffer.concat([theirHandshake(), encodeMessage({ type: 'interested' }).subarray(0, 3)]);
    expect(link.handleBytes(early)).to.equal(false);
    expect(link.handleBytes(encodeMessage({ type: 'interested' }).subarray(3))).to.equal(false);
    expect(events()).to.deep.equal(['link-handshaken']);

    link.admit('them', false);

    expect(events()).to.deep.equal(['link-handshaken', 'peer-interested']);
    expect(socket.isResumed).to.equal(true);
  });

  it('closes on what is no handshake, without a word to the swarm', async () => {
    for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n'), Buffer.alloc(68), theirHandshake(new Uint8Array(20))]) {
      const { link, socket, events } = aScene();

      link.handleBytes(bytes);
      await turns();

      expect(socket.isDestroyed).to.equal(true);
      expect(socket.written).to.have.length(0);
      expect(events()).to.deep.equal([]);
    }
  });

  it('says that what it dialled was foreign', async () => {
    const { link, event, torrent } = aScene({ incoming: false });
    link.handleConnected();

    link.handleBytes(theirHandshake(new Uint8Array(20)));
    await turns();

    expect(event('link-closed')).to.include({ linkId: 5, reason: 'foreign' });
    expect(torrent.links.size).to.equal(0);
  });

  it('tells of a dial that never connected', async () => {
    const scene = aScene({ incoming: false });

    scene.link.handleSocketClosed('refused');
    scene.link.handleSocketClosed('closed');
    await turns();

    expect(scene.events()).to.deep.equal(['dial-failed']);
    expect(scene.closedCount).to.equal(1);
  });

  it('waits ten seconds for a handshake', async () => {
    const { link, socket, event } = aScene({ incoming: false });
    link.handleConnected();
    link.handleBytes(theirHandshake().subarray(0, 67));

    link.handleTick(1_000 + HANDSHAKE_TIMEOUT_MS);
    expect(socket.isDestroyed).to.equal(false);
    link.handleTick(1_001 + HANDSHAKE_TIMEOUT_MS);
    await turns();

    expect(event('link-closed')).to.include({ reason: 'timeout' });
  });

  it('leaves a peer that says nothing for two minutes, and says something itself before', async () => {
    const { link, socket, event } = anOpenLink();
    const before = socket.written.length;

    link.handleTick(1_000 + KEEP_ALIVE_MS);
    expect(socket.written).to.have.length(before);
    link.handleTick(1_001 + KEEP_ALIVE_MS);
    expect(socket.written.at(-1)).to.deep.equal(new Uint8Array(4));
    link.handleTick(1_000 + IDLE_TIMEOUT_MS);
    expect(socket.isDestroyed).to.equal(false);
    link.handleTick(1_001 + IDLE_TIMEOUT_MS);
    await turns();

    expect(event('link-closed')).to.include({ reason: 'timeout' });
  });

  it('leaves a peer that sends and does not read', async () => {
    const { link, socket, event } = anOpenLink();
    socket.writableLength = 4_194_305;

    link.handleBytes(encodeMessage({ type: 'request', pieceIndex: 0, blockOffset: 0, lengthBytes: 10 }));
    await turns();

    expect(socket.isDestroyed).to.equal(true);
    expect(event('link-closed')).to.include({ reason: 'protocol' });
  });

  it('leaves a peer that breaks a rule, and reads nothing of it any more', async () => {
    const { link, socket, event, events } = anOpenLink();

    link.handleBytes(
      Buffer.concat([encodeMessage({ type: 'have', pieceIndex: 10 }), encodeMessage({ type: 'interested' })]),
    );
    link.handleBytes(encodeMessage({ type: 'interested' }));
    await turns();

    expect(socket.isDestroyed).to.equal(true);
    expect(events()).to.not.include('peer-interested');
    expect(event('link-closed')).to.deep.include({ reason: 'protocol', message: 'have names piece 10 of 10' });
  });

  it('closes once, and says its totals before', async () => {
    const scene = anOpenLink();

    scene.link.close('ours', 'test');
    scene.link.close('lost', 'again');
    await turns();

    expect(scene.events().slice(-2)).to.deep.equal(['links-measured', 'link-closed']);
    expect(scene.event('link-closed')).to.include({ reason: 'ours', message: 'test' });
    expect(scene.closedCount).to.equal(1);
    expect(scene.link.trade).to.equal(undefined);
    expect(scene.torrent.links.size + scene.torrent.returning.size).to.equal(0);
  });
});
