import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { blake3 } from '../../src/hashing/digests.js';
import { hashPieces } from '../../src/workers/hash-pieces.js';
import type { HashTaskResult } from '../../src/workers/worker-messages.js';
import { MIB, useTorrents, type TorrentOnDisk } from './torrent-on-disk.js';

for (const mayBlock of [false, true]) {
  describe(`hashPieces, ${mayBlock ? 'in a thread of its own' : 'beside links'}`, () => {
    const aTorrent = useTorrents();

    function hash(
      torrent: TorrentOnDisk,
      options: { first?: number; end?: number; algorithms?: string[]; plugins?: string[] } = {},
    ): Promise<HashTaskResult> {
      return hashPieces({
        type: 'hash-pieces',
        hashPluginUrls: options.plugins ?? [],
        pieceLengthBytes: torrent.layout.pieceLengthBytes,
        files: torrent.torrentFiles,
        firstPiece: options.first ?? 0,
        endPiece: options.end ?? torrent.layout.pieceCount,
        algorithms: options.algorithms ?? ['blake3'],
        mayBlock,
      });
    }

    /** BLAKE3 of the pieces from `first` on. */
    function expected({ layout, bytes }: TorrentOnDisk, first = 0, end = layout.pieceCount): Buffer {
      const all: Uint8Array[] = [];
      for (let index = first; index < end; index += 1) {
        const start = index * layout.pieceLengthBytes;
        all.push(blake3(bytes.subarray(start, start + layout.pieceSize(layout.pieceIndex(index)))));
      }
      return Buffer.concat(all);
    }

    for (const [pieceLengthBytes, lengths] of [
      [1, [3, 0, 7]],
      [128, 10_000],
      [1000, [999, 0, 1, -500, 30_001]],
      [768 * 1024, 3 * MIB],
      [MIB, 2 * MIB + 1],
      [MIB + 1, [MIB, 2 * MIB]],
      [4 * MIB, [5 * MIB, -100, 100]],
    ] as const) {
      it(`hashes pieces of ${pieceLengthBytes} bytes, across files and pads`, async () => {
        const torrent = aTorrent({ pieceLengthBytes, lengths });
        torrent.writeAll();

        const { digests, unreadable } = await hash(torrent);

        expect(Buffer.from(digests[0] ?? []).equals(expected(torrent))).to.equal(true);
        expect(unreadable).to.deep.equal([]);
      });
    }

    it('hashes a part of the pieces, by several algorithms', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 1000, lengths: 9500 });
      torrent.writeAll();

      const { digests } = await hash(torrent, { first: 4, end: 10, algorithms: ['sha256', 'blake3'] });

      expect(Buffer.from(digests[1] ?? []).equals(expected(torrent, 4))).to.equal(true);
      const last = createHash('sha256').update(torrent.bytes.subarray(9000)).digest();
      expect(
        Buffer.from(digests[0] ?? [])
          .subarray(-32)
          .equals(last),
      ).to.equal(true);
    });

    it('hashes nothing of an empty torrent', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 1000, lengths: [] });

      expect(await hash(torrent)).to.deep.equal({ digests: [new Uint8Array()], unreadable: [] });
    });

    for (const pieceLengthBytes of [1000, 2 * MIB]) {
      it(`lists pieces of ${pieceLengthBytes} bytes that cannot be read, and hashes their neighbours`, async () => {
        const lengths = [3 * pieceLengthBytes, 2 * pieceLengthBytes, 2 * pieceLengthBytes];
        const torrent = aTorrent({ pieceLengthBytes, lengths });
        torrent.writeAll();
        truncateSync(torrent.torrentFiles[0]?.path ?? '', 2 * pieceLengthBytes + 1);
        unlinkSync(torrent.torrentFiles[1]?.path ?? '');

        const { digests, unreadable } = await hash(torrent);

        expect(unreadable).to.deep.equal([2, 3, 4]);
        const zeros = Buffer.alloc(3 * 32);
        const parts = [expected(torrent, 0, 2), zeros, expected(torrent, 5)];
        expect(Buffer.from(digests[0] ?? []).equals(Buffer.concat(parts))).to.equal(true);
      });
    }

    it('lists pieces of what is no file', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 1000, lengths: [1500, 1500] });
      torrent.writeAll();
      const first = torrent.torrentFiles[0]?.path ?? '';
      unlinkSync(first);
      execFileSync('mkfifo', [first]);

      expect((await hash(torrent)).unreadable).to.deep.equal([0, 1]);
    });

    it('lists what it may not read', async function () {
      if (process.getuid?.() === 0) this.skip();
      const torrent = aTorrent({ pieceLengthBytes: 1000, lengths: 1500 });
      torrent.writeAll();
      chmodSync(torrent.torrentFiles[0]?.path ?? '', 0);

      expect((await hash(torrent)).unreadable).to.deep.equal([0, 1]);
    });

    it('closes its files, also when it fails', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 10, lengths: Array.from({ length: 40 }, () => 3) });
      torrent.writeAll();
      const plugin = path.join(torrent.folder, 'broken.mjs');
      writeFileSync(
        plugin,
        `import { createHash } from 'node:crypto';
       const digest = (bytes) => {
         if (bytes.length === 10) throw new Error('broken');
         return new Uint8Array(createHash('sha1').update(bytes).digest());
       };
       export default [{ name: 'broken', digestLength: 20, digest, createHasher() {
         const parts = [];
         return { update: (bytes) => void parts.push(Buffer.from(bytes)), digest: () => digest(Buffer.concat(parts)) };
       } }];`,
      );

      const failure: unknown = await hash(torrent, {
        algorithms: ['broken'],
        plugins: [pathToFileURL(plugin).href],
      }).catch((error: unknown) => error);

      expect(String(failure)).to.match(/broken/);
      // The hook behind this suite looks for files that are open.
    });
  });
}
