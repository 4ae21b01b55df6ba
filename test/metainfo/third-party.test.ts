import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Metainfo } from '../../src/metainfo/metainfo.js';
import { parseInfoBytes, parseMetainfo } from '../../src/metainfo/parse-metainfo.js';
import { expectError } from '../helpers/expect-error.js';
import { projectRoot } from '../helpers/project-root.js';

const folder = `${projectRoot}test/fixtures/metainfo/`;
const PAD = 1;
const SYMLINK = 8;

interface Expected {
  readonly infoHash: string | null;
  readonly pieceCount: number;
  readonly totalBytes: number;
  readonly files: readonly { readonly path: string; readonly lengthBytes: number; readonly flags: number }[];
}

const expected = JSON.parse(readFileSync(`${folder}expected.json`, 'utf8')) as Record<string, Expected>;
const read = (name: string) => parseMetainfo(readFileSync(folder + name));

/** The same generator as in make-fixtures.py. */
function content(sizeBytes: number, firstState: number): Uint8Array {
  let state = firstState;
  return Uint8Array.from({ length: sizeBytes }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 16) & 0xff;
  });
}

const CONTENT: Readonly<Record<string, Uint8Array>> = {
  'readme.txt': content(1_000, 1),
  'empty.txt': content(0, 0),
  'disc 1/été 🎵.flac': content(40_000, 2),
  'disc 1/z.flac': content(16_384, 3),
  '': content(50_000, 4),
};

function sha1OfPieces(metainfo: Metainfo): Buffer {
  const parts = metainfo.files.map((file) =>
    file.isPad ? new Uint8Array(file.lengthBytes) : (CONTENT[file.path.join('/')] ?? new Uint8Array(0)),
  );
  const bytes = Buffer.concat(parts);
  const digests: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += metainfo.layout.pieceLengthBytes) {
    digests.push(
      createHash('sha1')
        .update(bytes.subarray(at, at + metainfo.layout.pieceLengthBytes))
        .digest(),
    );
  }
  return Buffer.concat(digests);
}

describe('torrents made by mktorrent and libtorrent', () => {
  for (const [name, libtorrent] of Object.entries(expected)) {
    if (libtorrent.infoHash === null) continue;

    it(`${name} has the info hash, pieces and files that libtorrent reads`, () => {
      const metainfo = read(name);

      expect(metainfo.kind).to.equal('v1');
      expect(metainfo.infoHash).to.equal(libtorrent.infoHash);
      expect(metainfo.layout.pieceCount).to.equal(libtorrent.pieceCount);
      expect(metainfo.layout.totalBytes).to.equal(libtorrent.totalBytes);
      expect(
        metainfo.files.map((file) => ({
          path: [metainfo.name, ...file.path].join('/'),
          lengthBytes: file.lengthBytes,
          isPad: file.isPad,
        })),
      ).to.deep.equal(
        libtorrent.files
          .filter(({ flags }) => (flags & SYMLINK) === 0)
          .map(({ path, lengthBytes, flags }) => ({ path, lengthBytes, isPad: (flags & PAD) !== 0 })),
      );
    });

    it(`${name} verifies its content`, () => {
      const metainfo = read(name);

      expect(Buffer.from(metainfo.digests.get('sha1') ?? []).equals(sha1OfPieces(metainfo))).to.equal(true);
    });

    it(`${name} is the same from its info dictionary alone`, () => {
      const whole = read(name);

      expect(parseInfoBytes(whole.infoBytes).infoHash).to.equal(whole.infoHash);
    });
  }

  it('reads trackers, comment, maker, date and the private flag', () => {
    const metainfo = read('mktorrent-file.torrent');

    expect(metainfo.trackerTiers).to.deep.equal([
      ['http://tracker.example/announce', 'udp://backup.example:6969/announce'],
      ['https://third.example/a'],
    ]);
    expect([metainfo.comment, metainfo.createdBy, metainfo.isPrivate, metainfo.isFolder]).to.deep.equal([
      'made by mktorrent',
      'mktorrent 1.1',
      true,
      false,
    ]);
    expect(metainfo.creationDate).to.be.greaterThan(1_600_000_000);
    expect(read('mktorrent-folder.torrent').creationDate).to.equal(undefined);
    expect(read('libtorrent-v1-folder.torrent').creationDate).to.equal(1_700_000_000);
  });

  it('says that a symbolic link is left out', () => {
    expect(read('libtorrent-v1-symlink.torrent').notes).to.deep.equal(['symbolic links are left out: 1']);
  });

  it('refuses a v2-only torrent with what to do', () => {
    const error = expectError('P2P_METAINFO_V2_ONLY', () => read('libtorrent-v2-only.torrent'));

    expect(error.message).to.contain('hybrid or v1').and.contain('p2p create');
  });

  it('gives a value or one of our errors for each of them cut short', () => {
    for (const name of Object.keys(expected)) {
      const bytes = readFileSync(folder + name);
      for (let end = 0; end < bytes.length; end += 7) {
        expectError('P2P_BENCODE_INVALID', () => parseMetainfo(bytes.subarray(0, end)));
      }
    }
  });

  it('does not mind that info dictionaries of others are not sorted', () => {
    const info = Buffer.concat([
      Buffer.from('d6:pieces20:'),
      new Uint8Array(20),
      Buffer.from('12:piece lengthi16e4:name1:a6:lengthi3ee'),
    ]);

    const metainfo = parseInfoBytes(info);

    expect(metainfo.infoHash).to.equal(createHash('sha1').update(info).digest('hex'));
  });
});
