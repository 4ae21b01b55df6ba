import { expect } from 'chai';
import fc from 'fast-check';
import { BencodeDictionary } from '../../src/metainfo/bencode-dictionary.js';
import { decodeBencode } from '../../src/metainfo/bencode.js';
import { buildInfo, buildMetainfo, sortFiles, type NewInfo } from '../../src/metainfo/build-metainfo.js';
import { parseMetainfo } from '../../src/metainfo/parse-metainfo.js';
import { expectError } from '../helpers/expect-error.js';

const anInfo = (info: Partial<NewInfo> = {}): NewInfo => ({
  name: 'story.txt',
  isFolder: false,
  files: [{ path: [], lengthBytes: 300 }],
  pieceLengthBytes: 128,
  digests: new Map([
    ['blake3', new Uint8Array(96).fill(3)],
    ['sha1', new Uint8Array(60).fill(1)],
  ]),
  isPrivate: false,
  ...info,
});
const build = (info: Partial<NewInfo> = {}) => buildMetainfo({ infoBytes: buildInfo(anInfo(info)), trackerTiers: [] });
const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

describe('buildInfo', () => {
  it('writes pieces and piece hashes in the canonical form', () => {
    const info = buildInfo(anInfo());

    expect(textOf(info)).to.equal(
      `d6:lengthi300e4:name9:story.txt12:piece hashesd6:blake396:${'\x03'.repeat(96)}e12:piece lengthi128e6:pieces60:${'\x01'.repeat(60)}e`,
    );
    expect(decodeBencode(info, { strict: true })).to.be.instanceOf(BencodeDictionary);
  });

  it('leaves out what a pure and a v1 torrent lack', () => {
    const blake3 = new Map([['blake3', new Uint8Array(96)]]);
    const sha1 = new Map([['sha1', new Uint8Array(60)]]);

    expect(textOf(buildInfo(anInfo({ digests: blake3 })))).to.not.contain('6:pieces');
    expect(textOf(buildInfo(anInfo({ digests: sha1 })))).to.not.contain('piece hashes');
  });

  it('gives the same bytes in whatever order the algorithms came', () => {
    const { digests } = anInfo();

    expect(buildInfo(anInfo({ digests: new Map([...digests].reverse()) }))).to.deep.equal(buildInfo(anInfo()));
  });

  it('is read again as it was meant', () => {
    const files = [
      { path: ['a b', 'été 🎵.txt'], lengthBytes: 100, isPad: false },
      { path: ['.pad', '28'], lengthBytes: 28, isPad: true },
      { path: ['empty'], lengthBytes: 0, isPad: false },
      { path: ['z'], lengthBytes: 172, isPad: false },
    ];

    const metainfo = parseMetainfo(build({ name: 'my album', isFolder: true, files, isPrivate: true }));

    expect(metainfo).to.deep.include({
      kind: 'dual-hash',
      name: 'my album',
      isFolder: true,
      files,
      isPrivate: true,
      notes: [],
    });
    expect(metainfo.digests).to.deep.equal(new Map([...anInfo().digests].reverse()));
  });

  it('builds a file of 0 bytes', () => {
    const digests = new Map([['blake3', new Uint8Array(0)]]);

    expect(parseMetainfo(build({ files: [{ path: [], lengthBytes: 0 }], digests })).layout.pieceCount).to.equal(0);
  });

  it('refuses names that nobody would read again', () => {
    const folder = (path: string[]) => () => build({ isFolder: true, files: [{ path, lengthBytes: 300 }] });

    expectError('P2P_PATH_UNSAFE', () => build({ name: '..' }));
    expectError('P2P_PATH_UNSAFE', folder(['a', '..\\b']));
    expectError('P2P_OPTION_INVALID', folder(['.pad', '300']));
  });

  it('takes digests that do not fit for a bug', () => {
    for (const length of [0, 95, 97]) {
      expectError('P2P_INVARIANT', () => build({ digests: new Map([['blake3', new Uint8Array(length)]]) }));
    }
    expectError('P2P_INVARIANT', () => build({ digests: new Map() }));
    expectError('P2P_INVARIANT', () => build({ files: [] }));
  });
});

describe('buildMetainfo', () => {
  const infoBytes = buildInfo(anInfo());

  it('writes one tracker as announce, several as tiers too', () => {
    const trackersOf = (tiers: string[][]) => {
      const root = decodeBencode(buildMetainfo({ infoBytes, trackerTiers: tiers })) as BencodeDictionary;
      return [root.text('announce'), root.has('announce-list')];
    };

    expect(trackersOf([])).to.deep.equal([undefined, false]);
    expect(trackersOf([['http://a/']])).to.deep.equal(['http://a/', false]);
    expect(trackersOf([[], ['http://a/'], ['http://b/']])).to.deep.equal(['http://a/', true]);
    expect(trackersOf([['http://a/', 'http://b/']])).to.deep.equal(['http://a/', true]);
  });

  it('keeps the info bytes and all else that it is given', () => {
    const tiers = [['http://a/', 'http://b/'], ['udp://c:1']];
    const bytes = buildMetainfo({ infoBytes, trackerTiers: tiers, comment: 'ü', createdBy: 'p2p', creationDate: 7 });

    const metainfo = parseMetainfo(bytes);

    expect(metainfo.infoBytes).to.deep.equal(infoBytes);
    expect(metainfo).to.deep.include({ trackerTiers: tiers, comment: 'ü', createdBy: 'p2p', creationDate: 7 });
    expect(decodeBencode(bytes, { strict: true })).to.be.instanceOf(BencodeDictionary);
  });

  it('refuses a .torrent of one byte more than 16 MiB', () => {
    const sized = (total: number) => () => {
      const around =
        buildMetainfo({ infoBytes, trackerTiers: [], comment: 'x'.repeat(10_000_000) }).length - 10_000_000;
      return buildMetainfo({ infoBytes, trackerTiers: [], comment: 'x'.repeat(total - around) });
    };

    expect(sized(16_777_216)()).to.have.length(16_777_216);
    expect(expectError('P2P_METAINFO_TOO_LARGE', sized(16_777_217)).message).to.contain('longer pieces');
  });
});

describe('sortFiles', () => {
  it('orders by the bytes of the paths, component by component', () => {
    const order = ['A', 'a', 'a/b', 'a/c', 'a b', 'a.txt', 'b', '\uffee', '🎵'];
    const files = order.map((path) => ({ path: path.split('/') }));

    expect(sortFiles(files.toReversed()).map(({ path }) => path.join('/'))).to.deep.equal(order);
  });

  it('is the same whatever the order was', () => {
    const path = fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 });

    fc.assert(
      fc.property(fc.uniqueArray(path, { selector: (parts) => parts.join('\0'), maxLength: 8 }), (paths) => {
        const files = paths.map((parts) => ({ path: parts }));

        expect(sortFiles(files.toReversed())).to.deep.equal(sortFiles(files));
      }),
    );
  });
});
