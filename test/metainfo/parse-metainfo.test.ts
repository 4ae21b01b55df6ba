import { expect } from 'chai';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { P2pError } from '../../src/errors.js';
import { blake3, toHex } from '../../src/hashing/digests.js';
import { encodeBencode, type BencodeInput } from '../../src/metainfo/bencode.js';
import { MAX_METAINFO_BYTES, MAX_PIECE_LENGTH } from '../../src/metainfo/metainfo-limits.js';
import { parseMetainfo } from '../../src/metainfo/parse-metainfo.js';
import { aFolderTorrent, aTorrent } from '../helpers/a-torrent.js';
import { expectError } from '../helpers/expect-error.js';

const latin1 = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));
const blake3Of3 = { blake3: new Uint8Array(96) };
const messageOf = (bytes: Uint8Array) => expectError('P2P_METAINFO_INVALID', () => parseMetainfo(bytes)).message;

describe('parseMetainfo', () => {
  describe('info hash', () => {
    const rawInfo = (bytes: Uint8Array) => parseMetainfo(bytes).infoBytes;

    it('is the SHA-1 of the raw info bytes of a v1 torrent', () => {
      const metainfo = parseMetainfo(aTorrent());

      expect(metainfo.kind).to.equal('v1');
      expect(metainfo.infoHash).to.equal(createHash('sha1').update(metainfo.infoBytes).digest('hex'));
      expect(metainfo.blake3InfoHash).to.equal(toHex(blake3(metainfo.infoBytes)));
    });

    it('is the SHA-1 too when there are pieces and piece hashes', () => {
      const metainfo = parseMetainfo(aTorrent({ 'piece hashes': blake3Of3 }));

      expect(metainfo.kind).to.equal('dual-hash');
      expect(metainfo.infoHash).to.equal(createHash('sha1').update(metainfo.infoBytes).digest('hex'));
    });

    it('is the first 20 bytes of the BLAKE3 when there are only piece hashes', () => {
      const metainfo = parseMetainfo(aTorrent({ pieces: undefined, 'piece hashes': blake3Of3 }));

      expect(metainfo.kind).to.equal('pure');
      expect(metainfo.infoHash).to.equal(toHex(blake3(metainfo.infoBytes)).slice(0, 40));
    });

    it('is computed over the bytes as received, unsorted and with unknown keys', () => {
      const info = `d3:zzzi7e6:lengthi3e6:pieces20:${'x'.repeat(20)}12:piece lengthi16e4:name1:ae`;

      expect(Buffer.from(rawInfo(latin1(`d4:info${info}e`))).toString()).to.equal(info);
    });

    it('does not change with the bytes that were read', () => {
      const bytes = aTorrent();
      const metainfo = parseMetainfo(bytes);
      const before = metainfo.infoBytes.slice();

      bytes.fill(0);

      expect(metainfo.infoBytes).to.deep.equal(before);
      // Views would be sent to another thread with the whole file behind them.
      expect(metainfo.infoBytes.buffer.byteLength).to.equal(before.length);
      expect(metainfo.digests.get('sha1')?.buffer.byteLength).to.equal(60);
    });
  });

  describe('shape', () => {
    it('refuses what is no torrent', () => {
      expectError('P2P_BENCODE_INVALID', () => parseMetainfo(latin1('<html>')));
      expect(messageOf(latin1('i1e'))).to.contain('not a dictionary');
      expect(messageOf(latin1('de'))).to.contain('no info dictionary');
      expect(messageOf(latin1('d4:infoi1ee'))).to.contain('no info dictionary');
    });

    const broken: readonly [string, Readonly<Record<string, BencodeInput | undefined>>][] = [
      ['no name', { name: undefined }],
      ['a name that is a number', { name: 1 }],
      ['no piece length', { 'piece length': undefined }],
      ['a piece length that is text', { 'piece length': '16' }],
      ['a piece length of 0', { 'piece length': 0 }],
      ['a negative piece length', { 'piece length': -16 }],
      ['a piece length one past the limit', { 'piece length': MAX_PIECE_LENGTH + 1, pieces: new Uint8Array(20) }],
      ['no length and no files', { length: undefined }],
      ['a negative length', { length: -1 }],
      ['length and files', { files: [] }],
      ['files that are no list', { length: undefined, files: 1 }],
      ['a file that is no dictionary', { length: undefined, files: [1] }],
      ['a file without length', { length: undefined, files: [{ path: ['a'] }] }],
      ['a file without path', { length: undefined, files: [{ length: 40 }] }],
      ['a path of numbers', { length: undefined, files: [{ length: 40, path: [1] }] }],
      ['pieces that are no string', { pieces: 1 }],
      ['neither pieces nor piece hashes', { pieces: undefined }],
      ['only empty piece hashes', { pieces: undefined, 'piece hashes': {} }],
      ['piece hashes that are no dictionary', { 'piece hashes': [] }],
      ['piece hashes of an algorithm with an impossible name', { 'piece hashes': { 'BLAKE 3': new Uint8Array(96) } }],
      ['SHA-1 under piece hashes', { 'piece hashes': { sha1: new Uint8Array(60) } }],
      ['a digest that is no string', { 'piece hashes': { blake3: 1 } }],
    ];
    for (const [what, info] of broken) {
      it(`refuses ${what}`, () => {
        expect(messageOf(aTorrent(info))).to.match(/^not a usable \.torrent: /);
      });
    }

    it('refuses more algorithms than anyone uses', () => {
      const hashes = (count: number) =>
        Object.fromEntries(Array.from({ length: count }, (_, at) => [`hash-${at}`, new Uint8Array(96)]));

      expect(parseMetainfo(aTorrent({ 'piece hashes': hashes(16) })).digests.size).to.equal(17);
      expect(messageOf(aTorrent({ 'piece hashes': hashes(17) }))).to.contain('17 algorithms exceed 16');
    });

    it('shows control characters of a stranger escaped', () => {
      expect(messageOf(aTorrent({ 'piece hashes': { '\x1b[31m': new Uint8Array(96) } }))).to.contain("'\\x1b[31m'");
    });
  });

  describe('sizes', () => {
    it('refuses one byte more than 16 MiB before reading it', () => {
      const error = expectError('P2P_METAINFO_TOO_LARGE', () => parseMetainfo(new Uint8Array(MAX_METAINFO_BYTES + 1)));

      expect(error.message).to.contain('16777217').and.contain('16777216');
      expectError('P2P_BENCODE_INVALID', () => parseMetainfo(new Uint8Array(MAX_METAINFO_BYTES)));
    });

    for (const pieceLength of [1, 786_432, MAX_PIECE_LENGTH]) {
      it(`reads a piece length of ${pieceLength}`, () => {
        const pieces = new Uint8Array(20 * Math.ceil(40 / pieceLength));

        expect(parseMetainfo(aTorrent({ 'piece length': pieceLength, pieces })).layout.pieceLengthBytes).to.equal(
          pieceLength,
        );
      });
    }

    it('refuses pieces that do not fit, and names both numbers', () => {
      for (const length of [0, 40, 59, 61, 80]) {
        expect(messageOf(aTorrent({ pieces: new Uint8Array(length) })))
          .to.contain(`pieces has ${length} bytes`)
          .and.contain('3 pieces of 20 bytes');
      }
    });

    it('refuses BLAKE3 digests that do not fit', () => {
      for (const length of [0, 60, 95, 97, 192]) {
        expect(messageOf(aTorrent({ 'piece hashes': { blake3: new Uint8Array(length) } }))).to.contain(
          '3 pieces of 32 bytes',
        );
      }
    });

    it('takes digests of unknown algorithms from 16 to 64 bytes a piece', () => {
      const withDigests = (length: number) => aTorrent({ 'piece hashes': { 'sha3-256': new Uint8Array(length) } });

      for (const each of [16, 28, 64]) {
        expect(parseMetainfo(withDigests(3 * each)).digests.get('sha3-256')).to.have.length(3 * each);
      }
      for (const length of [0, 3 * 15, 3 * 65, 3 * 16 + 1]) {
        expect(messageOf(withDigests(length))).to.contain(`${length} bytes`);
      }
    });

    it('reads a file of 0 bytes, which has no pieces', () => {
      for (const info of [{}, { 'piece hashes': { blake3: '', other: '' } }]) {
        const metainfo = parseMetainfo(aTorrent({ length: 0, pieces: '', ...info }));

        expect([metainfo.layout.pieceCount, metainfo.files.length]).to.deep.equal([0, 1]);
      }
      expect(messageOf(aTorrent({ length: 0, pieces: new Uint8Array(20) }))).to.contain('20 bytes');
      expect(messageOf(aTorrent({ length: 0, pieces: '', 'piece hashes': { other: 'x'.repeat(16) } }))).to.contain(
        '16 bytes',
      );
    });

    it('refuses sizes past 2^53, alone and as a sum', () => {
      const half = { length: 2 ** 52, path: ['a'] };

      expect(messageOf(aTorrent({ length: undefined, files: [half, half], 'piece length': 1 }))).to.contain('2^53');
      expectError('P2P_BENCODE_INVALID', () => parseMetainfo(latin1('d4:infod6:lengthi9007199254740992eee')));
    });

    it('refuses a piece count that its digests cannot have, without allocating for it', () => {
      expect(messageOf(aTorrent({ length: 2 ** 53 - 1, 'piece length': 1 }))).to.contain(`${2 ** 53 - 1} pieces`);
    });
  });

  describe('files', () => {
    it('prefers the UTF-8 spellings of old makers', () => {
      const gbk = latin1('\xd6\xd0');
      const metainfo = parseMetainfo(
        aFolderTorrent([{ length: 3, path: [gbk], 'path.utf-8': ['中.txt'] }], { name: gbk, 'name.utf-8': '中文' }),
      );

      expect([metainfo.name, metainfo.files[0]?.path]).to.deep.equal(['中文', ['中.txt']]);
    });

    it('knows pad files by attribute and by their old name', () => {
      const metainfo = parseMetainfo(
        aFolderTorrent([
          { length: 3, path: ['a'] },
          { length: 13, path: ['.pad', '13'], attr: 'p' },
          { length: 3, path: ['b'], attr: 'x' },
          { length: 13, path: ['.pad', '13'] },
          { length: 3, path: ['.pad', 'notes.txt'] },
        ]),
      );

      expect(metainfo.files.map(({ isPad }) => isPad)).to.deep.equal([false, true, false, true, false]);
      expect(metainfo.notes).to.deep.equal([]);
    });

    it('leaves symbolic links out and says so', () => {
      const link = { path: ['link'], attr: 'l', 'symlink path': ['..', '..', 'etc', 'passwd'] };
      const metainfo = parseMetainfo(aFolderTorrent([{ ...link, length: 0 }, { length: 3, path: ['a'] }, link]));

      expect(metainfo.files.map(({ path }) => path)).to.deep.equal([['a']]);
      expect(metainfo.notes).to.deep.equal(['symbolic links are left out: 2']);
    });

    it('refuses a symbolic link that claims bytes', () => {
      expect(messageOf(aFolderTorrent([{ length: 3, path: ['link'], attr: 'l' }]))).to.contain(
        'symbolic link of 3 bytes',
      );
    });

    it('keeps the original path beside a changed one', () => {
      const metainfo = parseMetainfo(
        aFolderTorrent([
          { length: 3, path: ['src', 'aux.c'] },
          { length: 3, path: ['b'] },
        ]),
      );

      expect(metainfo.files).to.deep.equal([
        { path: ['src', '_aux.c'], originalPath: ['src', 'aux.c'], lengthBytes: 3, isPad: false },
        { path: ['b'], lengthBytes: 3, isPad: false },
      ]);
      expect(metainfo.notes).to.deep.equal([
        "file names changed so that they work everywhere: 1, for example 'src/aux.c' is 'src/_aux.c'",
      ]);
    });

    it('gives no original path where that could lead elsewhere', () => {
      const [file] = parseMetainfo(aFolderTorrent([{ length: 3, path: ['a/b\\c'] }])).files;

      expect(file).to.deep.equal({ path: ['a_b_c'], lengthBytes: 3, isPad: false });
    });

    it('refuses a name that leads elsewhere, of the torrent and of a file', () => {
      for (const name of ['..', '../x', '/etc', '']) {
        expectError('P2P_PATH_UNSAFE', () => parseMetainfo(aTorrent({ name })));
        expectError('P2P_PATH_UNSAFE', () => parseMetainfo(aFolderTorrent([{ length: 3, path: ['a', name] }])));
      }
      expectError('P2P_PATH_UNSAFE', () => parseMetainfo(aFolderTorrent([{ length: 3, path: [] }])));
    });
  });

  describe('around the info dictionary', () => {
    it('takes announce-list before announce', () => {
      const tiers = [['http://a.example/', 'http://b.example/'], ['udp://c.example:1/']];

      expect(parseMetainfo(aTorrent({}, { 'announce-list': tiers })).trackerTiers).to.deep.equal(tiers);
      expect(parseMetainfo(aTorrent()).trackerTiers).to.deep.equal([['http://tracker.example/announce']]);
    });

    it('falls back to announce when the list has nothing of use, and to none', () => {
      for (const list of [[], [[]], 7, [['wss://web.example/']], [[1]]]) {
        expect(parseMetainfo(aTorrent({}, { 'announce-list': list })).trackerTiers).to.deep.equal([
          ['http://tracker.example/announce'],
        ]);
      }
      expect(parseMetainfo(aTorrent({}, { announce: undefined })).trackerTiers).to.deep.equal([]);
      expect(parseMetainfo(aTorrent({}, { announce: 7 })).trackerTiers).to.deep.equal([]);
    });

    it('reads a flat announce-list as tiers of one', () => {
      const list = ['http://a.example/', 'http://b.example/'];

      expect(parseMetainfo(aTorrent({}, { 'announce-list': list })).trackerTiers).to.deep.equal(
        list.map((url) => [url]),
      );
    });

    it('passes over comments, makers and dates of the wrong kind', () => {
      const metainfo = parseMetainfo(
        aTorrent({ private: 'yes' }, { comment: 1, 'created by': [], 'creation date': -1 }),
      );

      expect([metainfo.comment, metainfo.createdBy, metainfo.creationDate, metainfo.isPrivate]).to.deep.equal([
        undefined,
        undefined,
        undefined,
        false,
      ]);
    });

    it('reads them when they are right', () => {
      const metainfo = parseMetainfo(aTorrent({ private: 1 }, { comment: 'ü', 'created by': 'x', 'creation date': 5 }));

      expect([metainfo.comment, metainfo.createdBy, metainfo.creationDate, metainfo.isPrivate]).to.deep.equal([
        'ü',
        'x',
        5,
        true,
      ]);
    });
  });

  it('gives metainfo or one of our errors for any bencode', () => {
    const keys = fc.constantFrom(
      'name',
      'length',
      'files',
      'path',
      'piece length',
      'pieces',
      'piece hashes',
      'attr',
      'blake3',
    );
    const value: fc.Arbitrary<BencodeInput> = fc.letrec<{ value: BencodeInput }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom<BencodeInput>(0, 1, 16, 40, -1, 'a', '..', 'l', 'p', new Uint8Array(60), new Uint8Array(96)),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(keys, tie('value'), { maxKeys: 4 }),
      ),
    })).value;
    const info = fc.record(
      { name: value, length: value, files: value, 'piece length': value, pieces: value, 'piece hashes': value },
      { requiredKeys: [] },
    );

    fc.assert(
      fc.property(fc.oneof(value, fc.record({ info, announce: value, 'announce-list': value })), (root) => {
        try {
          parseMetainfo(encodeBencode(root));
        } catch (error) {
          expect(error).to.be.instanceOf(P2pError).with.property('exitCode', 5);
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
