import { expect } from 'chai';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { handMadeTorrent } from '../helpers/hand-made-torrent.js';
import { MetadataPeer, sendPiece, type MetadataPeerOptions } from '../helpers/metadata-peer.js';
import { testBytes } from '../helpers/test-bytes.js';
import { rejection, useEngines } from './engine-fixture.js';

const DATA = testBytes(100_000, 5);
/** 2,500 pieces: metadata of four pieces. */
const TORRENT = handMadeTorrent({ name: 'story.bin', data: DATA, pieceLength: 40 });
const { infoBytes, infoHash } = TORRENT;

describe('Download by magnet link', function () {
  this.timeout(20_000);
  const engines = useEngines();

  async function aPeer(options: Partial<MetadataPeerOptions> = {}): Promise<MetadataPeer> {
    const peer = new MetadataPeer({ infoHash, data: DATA, pieceLength: 40, info: infoBytes, ...options });
    engines.onClose(() => peer.close());
    return peer.listen();
  }

  function linkTo(...peers: readonly MetadataPeer[]): string {
    const addresses = peers.map(({ port }) => `&x.pe=127.0.0.1:${port}`);
    return `magnet:?xt=urn:btih:${infoHash}&dn=story.bin${addresses.join('')}`;
  }

  it('gets metadata and data from a peer that the link names, and says how it goes', async () => {
    const peer = await aPeer();
    const engine = await engines.engine();
    const folder = await engines.folder();

    const transfer = await engine.api.download({ target: linkTo(peer), trackers: [], outputDir: folder });
    const { state } = await transfer.finished;

    expect(state).to.equal('complete');
    expect((await readFile(join(folder, 'story.bin'))).equals(DATA)).to.equal(true);
    expect(peer.asked).to.deep.equal([0, 1, 2, 3]);
    const said = engine.all('finding-metadata');
    expect(said[0]).to.include({ state: 'searching', infoHash, name: 'story.bin', receivedBytes: 0 });
    expect(said.at(-1)).to.include({ state: 'found', receivedBytes: infoBytes.length, totalBytes: infoBytes.length });
  });

  it('goes on after a kill without asking for metadata again', async () => {
    const peer = await aPeer({ owns: () => false });
    const stateDir = await engines.folder('state', false);
    const first = await engines.engine({ stateDir });
    const folder = await engines.folder();
    await first.api.download({ target: linkTo(peer), trackers: [], outputDir: folder });
    await first.close();
    const second = await engines.engine({ stateDir });

    const target = `magnet:?xt=urn:btih:${infoHash}`;
    const { metainfo } = await second.api.download({ target, trackers: [], outputDir: folder });

    expect(metainfo.name).to.equal('story.bin');
    expect(peer.asked).to.have.length(4);
    expect(second.all('finding-metadata')).to.deep.equal([]);
  });

  for (const [what, options] of [
    ['sends other bytes', { answer: (piece, send) => sendPiece(testBytes(infoBytes.length, 8), piece, send) }],
    ['sends one wrong bit', { info: Uint8Array.from(infoBytes, (byte, at) => (at === 50_001 ? byte ^ 1 : byte)) }],
    ['announces more than it has', { announcedBytes: infoBytes.length + 1 }],
    ['announces less than it has', { announcedBytes: 16_384 }],
    ['sends pieces that are too short', { answer: (piece, send) => send({ msg_type: 1, piece }, Buffer.alloc(7)) }],
    ['sends pieces that are too long', { answer: (piece, send) => send({ msg_type: 1, piece }, Buffer.alloc(16_385)) }],
    ['rejects what it is asked', { answer: (piece, send) => send({ msg_type: 2, piece }) }],
    ['has no metadata', { info: undefined }],
    ['announces 2 GiB', { announcedBytes: 2 ** 31 }],
    ['hangs up', { answer: (_piece, _send, link) => link.socket.destroy() }],
  ] satisfies [string, Partial<MetadataPeerOptions>][]) {
    it(`gets metadata from an honest peer beside one that ${what}`, async () => {
      const liar = await aPeer({ owns: () => false, ...options });
      const engine = await engines.engine();
      const target = linkTo(liar);
      const outputDir = await engines.folder();
      const starting = engine.api.download({ target, trackers: [], outputDir });
      await liar.until(() => (liar.links[0]?.received.length ?? 0) > 0);
      const honest = await aPeer();

      // The second one dials, as a peer does that heard of us at a tracker.
      await honest.dial(engine.port);
      const transfer = await starting;

      expect(transfer.metainfo.infoHash).to.equal(infoHash);
      expect(honest.asked).to.include.members([0, 1, 2, 3]);
    });
  }

  it('takes each piece once, whatever comes twice or unasked', async () => {
    const peer = await aPeer({
      answer: (piece, send) => {
        sendPiece(infoBytes, (piece + 1) % 4, send);
        sendPiece(infoBytes, piece, send);
        sendPiece(infoBytes, piece, send);
        send({ msg_type: 1, piece: 9_999, total_size: infoBytes.length }, Buffer.alloc(100));
      },
    });
    const engine = await engines.engine();

    const target = linkTo(peer);
    const transfer = await engine.api.download({ target, trackers: [], outputDir: await engines.folder() });

    expect(transfer.metainfo.infoHash).to.equal(infoHash);
  });

  it('ends when no metadata comes in time, saying what there was', async () => {
    const peer = await aPeer({ info: undefined });
    const engine = await engines.engine();
    const request = { trackers: [], outputDir: await engines.folder(), timeoutMs: 300 };

    const error = await rejection('P2P_INCOMPLETE', engine.api.download({ target: linkTo(peer), ...request }));

    expect(error.message).to.match(/no metadata .* in 0.3s: 1 peer is connected, and none offers it/);
    expect(engine.all('finding-metadata').at(-1)?.state).to.equal('given-up');
  });

  it('ends when nobody answers in time', async () => {
    const engine = await engines.engine();
    const request = { trackers: ['http://127.0.0.1:9/announce'], outputDir: await engines.folder(), timeoutMs: 300 };
    const target = `magnet:?xt=urn:btih:${infoHash}`;

    const error = await rejection('P2P_NOBODY_ANSWERED', engine.api.download({ target, ...request }));

    expect(error.message).to.include('http://127.0.0.1:9/announce');
  });

  it('refuses a link whose BLAKE3 hash is not that of the metadata', async () => {
    const peer = await aPeer();
    const engine = await engines.engine();
    const target = `${linkTo(peer)}&x.b3=${'0'.repeat(64)}`;

    const outputDir = await engines.folder();
    await rejection('P2P_METAINFO_MISMATCH', engine.api.download({ target, trackers: [], outputDir }));
  });

  it('is broken off when the engine closes', async () => {
    const peer = await aPeer({ answer: () => undefined });
    const engine = await engines.engine();
    const request = { target: linkTo(peer), trackers: [], outputDir: await engines.folder() };
    const download = rejection('P2P_ENGINE_CLOSED', engine.api.download(request));
    await peer.until(() => peer.asked.length > 0);

    await engine.close();

    await download;
  });

  for (const hashes of [['blake3', 'sha1'], ['sha1'], ['blake3']] as const) {
    it(`moves a torrent with ${hashes.join(' and ')} between two of ours, without a catalogue`, async () => {
      const [seeder, loader] = [await engines.engine(), await engines.engine()];
      const file = await engines.file('ours.bin', DATA);
      const { magnet } = await seeder.api.seed({ path: file, trackers: [], hashes });
      const folder = await engines.folder();

      const target = `${magnet}&x.pe=127.0.0.1:${seeder.port}`;
      const transfer = await loader.api.download({ target, trackers: [], outputDir: folder });
      const { state } = await transfer.finished;

      expect(state).to.equal('complete');
      expect((await readFile(join(folder, 'ours.bin'))).equals(DATA)).to.equal(true);
    });
  }

  it('loads from a peer that is still loading itself, once that has the metadata', async () => {
    const source = await aPeer({ owns: (index) => index < 1_000 });
    const [first, second] = [await engines.engine(), await engines.engine()];
    await first.api.download({ target: linkTo(source), trackers: [], outputDir: await engines.folder() });

    const target = `magnet:?xt=urn:btih:${infoHash}&x.pe=127.0.0.1:${first.port}`;
    const { metainfo } = await second.api.download({ target, trackers: [], outputDir: await engines.folder() });

    expect(metainfo.infoHash).to.equal(infoHash);
  });

  it('is not given metadata of a private torrent', async () => {
    const [seeder, loader] = [await engines.engine(), await engines.engine()];
    const file = await engines.file('private.bin', DATA);
    const { bytes, metainfo } = await seeder.api.create({
      path: file,
      trackers: ['http://127.0.0.1:9/a'],
      isPrivate: true,
    });
    const torrentFile = await engines.file('private.torrent', bytes);
    await seeder.api.seed({ path: file, torrentFile, trackers: [] });

    const target = `magnet:?xt=urn:btih:${metainfo.infoHash}&x.pe=127.0.0.1:${seeder.port}`;
    const request = { target, trackers: [], outputDir: await engines.folder(), timeoutMs: 300 };

    await rejection('P2P_INCOMPLETE', loader.api.download(request));
  });
});
