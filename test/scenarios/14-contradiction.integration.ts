import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bdecode, bencode, member } from '../helpers/naive-bencode.js';
import { useSwarm } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';
import { TestPeer } from '../helpers/test-peer.js';

const PIECE_LENGTH = 128;
const DATA = testBytes(9_000, 14);

describe('Scenario 14: a torrent whose digests disagree', function () {
  this.timeout(60_000);
  const swarm = useSwarm();

  before(() => swarm.startTracker());

  for (const { algorithm, keys, digestLength, piece } of [
    { algorithm: 'blake3', keys: ['piece hashes', 'blake3'], digestLength: 32, piece: 50 },
    { algorithm: 'sha1', keys: ['pieces'], digestLength: 20, piece: 2 },
  ]) {
    it(`ends a download with exit code 5 and bans nobody, when ${algorithm} of piece ${piece} is wrong`, async () => {
      const { path, infoHash } = await contradiction(keys, digestLength, piece);
      const peer = await new TestPeer({ infoHash, data: DATA, pieceLength: PIECE_LENGTH }).listen();
      swarm.onClose(() => peer.close());
      await peer.announce(swarm.tracker.url);

      const download = swarm.download(path);
      const error = await download.process.failure();

      expect(error).to.include({ code: 'P2P_TORRENT_CONTRADICTS_ITSELF', exitCode: 5 });
      expect(error.message)
        .to.match(new RegExp(`\\b${piece}\\b`))
        .and.match(/blake3/i)
        .and.match(/sha-?1/i);
      expect(download.process.all('peer-banned')).to.deep.equal([]);
      expect(peer.bytesSent, 'it was the peer who gave the bytes').to.be.greaterThan(0);
    });

    it(`is not served: seeding it ends with exit code 5 when ${algorithm} is wrong`, async () => {
      const { path, file } = await contradiction(keys, digestLength, piece);

      const seeder = swarm.start(['peer', 'seed', file, '--torrent', path, '-p', '0']);

      expect(await seeder.failure()).to.include({ code: 'P2P_TORRENT_CONTRADICTS_ITSELF', exitCode: 5 });
    });
  }

  /** A torrent of `p2p create` with one digest of one algorithm changed. */
  async function contradiction(
    keys: readonly string[],
    digestLength: number,
    piece: number,
  ): Promise<{ path: string; file: string; infoHash: string }> {
    const file = swarm.file('two-minds.bin', DATA);
    const path = join(swarm.folder('torrent'), 'two-minds.torrent');
    const flags = ['-o', path, '--tracker', swarm.tracker.url, '--piece-length', String(PIECE_LENGTH)];
    await swarm.start(['create', file, ...flags]).result();
    const torrent = bdecode(readFileSync(path));
    const digests = member(torrent, 'info', ...keys) as Buffer;
    digests.writeUInt8(digests.readUInt8(piece * digestLength) ^ 0xff, piece * digestLength);
    const infoHash = createHash('sha1')
      .update(bencode(member(torrent, 'info')))
      .digest('hex');
    writeFileSync(path, bencode(torrent));
    return { path, file, infoHash };
  }
});
