import { expect } from 'chai';
import fs, { existsSync, mkdirSync, renameSync, truncateSync, unlinkSync } from 'node:fs';

import type { P2pError } from '../../src/errors.js';
import { turns, useTorrents, type TorrentOnDisk } from './torrent-on-disk.js';

/** Until a file is being opened, and no longer. */
async function begun(torrent: TorrentOnDisk): Promise<void> {
  while (torrent.handles.busyCount === 0) await Promise.resolve();
}

/** Files, empty ones and pads (negative): borders inside pieces. */
const LENGTHS = [10, 0, 25, -7, 0, 1, 100, -5, 52];
const TOTAL = LENGTHS.reduce((sum, length) => sum + Math.abs(length), 0);

async function failure(work: Promise<unknown>): Promise<P2pError> {
  return work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as P2pError,
  );
}

async function readBack(torrent: TorrentOnDisk, offset: number, lengths: readonly number[]): Promise<Buffer> {
  const views = lengths.map((length) => new Uint8Array(length).fill(0xaa));
  await torrent.files.read(offset, views);
  return Buffer.concat(views);
}

describe('PieceFiles', () => {
  const aTorrent = useTorrents();

  it('writes and reads any run of bytes across borders, empty files and pads', async () => {
    const torrent = aTorrent({ pieceLengthBytes: 16, lengths: LENGTHS });
    for (let offset = 0; offset < TOTAL; offset += 13) {
      await torrent.files.write(offset, torrent.bytes.subarray(offset, offset + 13));
    }
    expect(torrent.onDisk().equals(torrent.bytes)).to.equal(true);

    for (let offset = 0; offset < TOTAL; offset += 1) {
      const length = Math.min(1 + ((offset * 37) % 60), TOTAL - offset);
      const cut = Math.min(7, length - 1);
      const read = await readBack(torrent, offset, [cut, length - cut]);
      expect(read.equals(torrent.bytes.subarray(offset, offset + length)), `${length} bytes at ${offset}`).to.equal(
        true,
      );
    }
  });

  it('writes small pieces that come in one turn, in whichever order, across files', async () => {
    const torrent = aTorrent({ pieceLengthBytes: 16, lengths: [100, 0, -20, 333] });
    const pieces = Array.from({ length: Math.ceil(torrent.bytes.length / 16) }, (_, index) => index);
    const order = [...pieces.slice(9), ...pieces.slice(0, 4), ...pieces.slice(4, 9)];

    await Promise.all(
      order.map((index) => torrent.files.write(index * 16, torrent.bytes.subarray(index * 16, index * 16 + 16))),
    );

    expect(torrent.onDisk().equals(torrent.bytes)).to.equal(true);
  });

  it('says of each small piece that it could not be written', async () => {
    const torrent = aTorrent({ pieceLengthBytes: 16, lengths: 100 });
    mkdirSync(torrent.torrentFiles[0]?.path ?? '', { recursive: true });

    const outcomes = await Promise.allSettled(
      [0, 16, 64].map((offset) => torrent.files.write(offset, new Uint8Array(16))),
    );

    expect(outcomes.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected', 'rejected']);
  });

  it('never writes a pad, and reads it as zeros', async () => {
    const torrent = aTorrent({ pieceLengthBytes: 16, lengths: [4, -8, 4] });

    await torrent.files.write(0, new Uint8Array(16).fill(1));

    expect(
      (await readBack(torrent, 0, [16])).equals(Buffer.from([1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1])),
    ).to.equal(true);
  });

  it('reads small files in its own thread, while they come from memory', async () => {
    const torrent = aTorrent({ pieceLengthBytes: 16, lengths: [10] });
    torrent.writeAll();
    const original = fs.readv;
    let sentToPool = 0;
    fs.readv = ((...read: Parameters<typeof fs.readv>) => {
      sentToPool += 1;
      original(...read);
    }) as typeof fs.readv;

    const read = await readBack(torrent, 0, [4, 6]).finally(() => {
      fs.readv = original;
    });

    expect(read.equals(torrent.bytes)).to.equal(true);
    expect(sentToPool).to.equal(0);
  });

  it('reads into more views than the kernel takes at once', async () => {
    const torrent = aTorrent({ pieceLengthBytes: 8192, lengths: [3000, 5000] });
    torrent.writeAll();

    const read = await readBack(
      torrent,
      0,
      Array.from({ length: 4000 }, () => 2),
    );

    expect(read.equals(torrent.bytes)).to.equal(true);
  });

  it('makes files of their full length at once', async () => {
    const torrent = aTorrent({ pieceLengthBytes: 16, lengths: 1000 });

    await torrent.files.write(500, torrent.bytes.subarray(500, 501));

    expect(torrent.onDisk()).to.have.length(1000);
  });

  it('cuts a file that is longer than it must be', async () => {
    const torrent = aTorrent({ pieceLengthBytes: 16, lengths: 100 });
    torrent.writeAll();
    truncateSync(torrent.torrentFiles[0]?.path ?? '', 200);

    await torrent.files.write(0, torrent.bytes.subarray(0, 16));

    expect(torrent.onDisk().equals(torrent.bytes)).to.equal(true);
  });

  it('says which file is absent, or shorter than it must be', async () => {
    const torrent = aTorrent({ pieceLengthBytes: 16, lengths: [100, 100], writes: false });
    torrent.writeAll();
    const [first, second] = torrent.torrentFiles.map((file) => file.path ?? '');
    truncateSync(first ?? '', 99);
    unlinkSync(second ?? '');

    const short = await failure(readBack(torrent, 90, [10]));
    const absent = await failure(readBack(torrent, 100, [10]));

    expect(short.code).to.equal('P2P_DISK_FAILED');
    expect(short.message).to.contain(first).and.contain('shorter');
    expect(absent.code).to.equal('P2P_DISK_FAILED');
    expect(absent.message).to.contain(second);
    expect((await readBack(torrent, 0, [99])).equals(torrent.bytes.subarray(0, 99))).to.equal(true);
  });

  it('never makes a file to read from it', async () => {
    const torrent = aTorrent({ pieceLengthBytes: 16, lengths: 100 });

    expect((await failure(readBack(torrent, 0, [10]))).code).to.equal('P2P_DISK_FAILED');

    expect(existsSync(torrent.torrentFiles[0]?.path ?? '')).to.equal(false);
  });

  it('writes nothing to files that it only reads', async () => {
    const torrent = aTorrent({ pieceLengthBytes: 16, lengths: 100, writes: false });

    expect((await failure(torrent.files.write(0, new Uint8Array(10)))).code).to.equal('P2P_INVARIANT');

    expect(existsSync(torrent.torrentFiles[0]?.path ?? '')).to.equal(false);
  });

  describe('while its files are renamed', () => {
    function renamed(torrent: TorrentOnDisk): { path: string; lengthBytes: number; depth: number }[] {
      return torrent.torrentFiles.map((file) => ({ ...file, path: `${file.path ?? ''}.final` }));
    }

    it('keeps readers waiting until the new names are known', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 16, lengths: [50, 50] });
      await torrent.files.write(0, torrent.bytes);
      await torrent.files.closeForRename();
      let isThere = false;
      const reading = readBack(torrent, 40, [20]).finally(() => (isThere = true));

      const files = renamed(torrent);
      torrent.torrentFiles.forEach((file, at) => {
        renameSync(file.path ?? '', files[at]?.path ?? '');
      });
      await turns();
      expect(isThere).to.equal(false);
      torrent.files.reopen(files);

      expect((await reading).equals(torrent.bytes.subarray(40, 60))).to.equal(true);
      for (const file of torrent.torrentFiles) expect(existsSync(file.path ?? '')).to.equal(false);
    });

    it('lets a read end first that spans many files', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 16, lengths: Array.from({ length: 20 }, () => 5), openFiles: 1 });
      await torrent.files.write(0, torrent.bytes);
      await torrent.files.sync();

      const reading = readBack(torrent, 0, [100]);
      await begun(torrent);
      await torrent.files.closeForRename();
      for (const file of torrent.torrentFiles) renameSync(file.path ?? '', `${file.path ?? ''}.final`);

      expect((await reading).equals(torrent.bytes)).to.equal(true);
      for (const file of torrent.torrentFiles) expect(existsSync(file.path ?? '')).to.equal(false);
    });

    it('lets readers go on under the old names when there will be no new ones', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 16, lengths: 100 });
      await torrent.files.write(0, torrent.bytes);
      await torrent.files.closeForRename();
      const reading = readBack(torrent, 0, [100]);

      torrent.files.handleNotRenamed();

      expect((await reading).equals(torrent.bytes)).to.equal(true);
    });

    it('turns readers away when the torrent ends meanwhile', async () => {
      const torrent = aTorrent({ pieceLengthBytes: 16, lengths: 100 });
      await torrent.files.write(0, torrent.bytes);
      await torrent.files.closeForRename();
      const reading = failure(readBack(torrent, 0, [100]));

      await torrent.files.end();

      expect((await reading).code).to.equal('P2P_DISK_FAILED');
    });
  });

  it('opens nothing after its end', async () => {
    const torrent = aTorrent({ pieceLengthBytes: 16, lengths: [50, 50] });
    await torrent.files.write(0, torrent.bytes);
    const reading = readBack(torrent, 0, [100]);
    await begun(torrent);

    await torrent.files.end();

    await reading;
    expect(torrent.handles.openCount).to.equal(0);
    expect((await failure(readBack(torrent, 0, [1]))).code).to.equal('P2P_DISK_FAILED');
    expect((await failure(torrent.files.write(0, new Uint8Array(1)))).code).to.equal('P2P_DISK_FAILED');
    expect(torrent.handles.openCount).to.equal(0);
  });
});
