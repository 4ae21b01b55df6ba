import { expect } from 'chai';
import fc from 'fast-check';
import { formatMagnet, MAX_MAGNET_LENGTH, MAX_MAGNET_PEERS, parseMagnet } from '../../src/metainfo/magnet.js';
import type { Metainfo } from '../../src/metainfo/metainfo.js';
import { MAX_TRACKERS } from '../../src/metainfo/trackers.js';
import { aMetainfo } from '../helpers/a-torrent.js';
import { expectError } from '../helpers/expect-error.js';

const HEX = 'c12fe1c06bba254a9dc9f519b335aa7c1367a88a';
const BASE32 = 'YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK';
const BLAKE3 = `${HEX}000102030405060708090a0b`;
const link = (rest: string) => parseMagnet(`magnet:?${rest}`);
const problem = (rest: string) => expectError('P2P_MAGNET_INVALID', () => link(rest)).message;

describe('formatMagnet', () => {
  const trackers = ['http://t.example/announce?a=1&b=2'];

  it('names a dual-hash torrent by btih and x.b3, without btmh', () => {
    const metainfo = aMetainfo({ name: 'a b&c.txt' });

    expect(
      formatMagnet(metainfo, {
        trackers,
        peers: [
          { host: '10.0.0.1', port: 9000 },
          { host: '::1', port: 1 },
        ],
      }),
    ).to.equal(
      `magnet:?xt=urn:btih:${metainfo.infoHash}&x.b3=${metainfo.blake3InfoHash}&dn=a%20b%26c.txt` +
        '&tr=http%3A%2F%2Ft.example%2Fannounce%3Fa%3D1%26b%3D2&x.pe=10.0.0.1%3A9000&x.pe=%5B%3A%3A1%5D%3A1',
    );
  });

  it('names a pure torrent by btmh with the multihash of BLAKE3', () => {
    const metainfo = aMetainfo({ hashes: ['blake3'] });

    expect(formatMagnet(metainfo, { trackers: [] })).to.equal(
      `magnet:?xt=urn:btmh:1e20${metainfo.blake3InfoHash}&dn=story.txt`,
    );
  });

  it('names a v1 torrent by btih alone', () => {
    const metainfo = aMetainfo({ hashes: ['sha1'] });

    expect(formatMagnet(metainfo, { trackers: [] })).to.equal(`magnet:?xt=urn:btih:${metainfo.infoHash}&dn=story.txt`);
  });

  it('has nothing that a shell in quotes would take for its own', () => {
    expect(formatMagnet(aMetainfo({ name: "it's (1)!*.txt" }), { trackers: [] })).to.match(
      /dn=it%27s%20%281%29%21%2A\.txt$/,
    );
  });

  it('is undone by parseMagnet', () => {
    const kinds = fc.constantFrom<Metainfo['kind']>('dual-hash', 'pure', 'v1');
    const dual = aMetainfo();
    const samples = { 'dual-hash': dual, pure: aMetainfo({ hashes: ['blake3'] }), v1: aMetainfo({ hashes: ['sha1'] }) };
    const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 30 });
    const peer = fc.record({
      host: fc.constantFrom('10.0.0.1', '2001:db8::1', 'peer.example'),
      port: fc.integer({ min: 1, max: 65_535 }),
    });

    fc.assert(
      fc.property(kinds, name, fc.array(peer, { maxLength: 3 }), (kind, text, peers) => {
        const { infoHash, blake3InfoHash } = samples[kind];

        expect(parseMagnet(formatMagnet({ ...samples[kind], name: text }, { trackers, peers }))).to.deep.equal({
          infoHash,
          ...(kind === 'v1' ? {} : { blake3InfoHash }),
          name: text,
          trackers,
          webSeeds: [],
          peers,
        });
      }),
    );
  });
});

describe('parseMagnet', () => {
  it('reads which files are chosen (BEP 53), and passes over what is no index or range', () => {
    const chosen = (so: string) => link(`xt=urn:btih:${HEX}&${so}`).selectedFiles;

    expect(chosen('so=0,2,4-6')).to.deep.equal([
      { first: 0, last: 0 },
      { first: 2, last: 2 },
      { first: 4, last: 6 },
    ]);
    expect(chosen('so=1%2C3&so=7')?.map(({ first }) => first)).to.deep.equal([1, 3, 7]);
    expect(chosen('so=5-3,-1,x,2-,1.5,12345678,9')).to.deep.equal([{ first: 9, last: 9 }]);
    for (const none of ['so=', 'so=all', 'dn=x']) expect(chosen(none)).to.equal(undefined);
  });

  it('reads btih in hex and base32, in either case', () => {
    for (const hash of [HEX, HEX.toUpperCase(), BASE32, BASE32.toLowerCase()]) {
      expect(link(`xt=urn:btih:${hash}`)).to.deep.equal({ infoHash: HEX, trackers: [], webSeeds: [], peers: [] });
    }
    expect(link(`xt=URN%3ABTIH%3A${HEX}`).infoHash).to.equal(HEX);
    expect(parseMagnet(`  MAGNET:?XT=urn:btih:${HEX}\n`).infoHash).to.equal(HEX);
  });

  it('takes the first 20 bytes of the BLAKE3 for a pure link', () => {
    expect(link(`xt=urn:btmh:1e20${BLAKE3}`)).to.deep.include({ infoHash: HEX, blake3InfoHash: BLAKE3 });
    expect(link(`xt=urn:btmh:1E20${BLAKE3.toUpperCase()}`)).to.deep.include({ infoHash: HEX, blake3InfoHash: BLAKE3 });
  });

  it('takes btih for the wire when both are there, whatever their order', () => {
    const other = 'f'.repeat(64);

    for (const rest of [
      `xt=urn:btih:${HEX}&xt=urn:btmh:1e20${other}`,
      `xt.2=urn:btmh:1e20${other}&xt.1=urn:btih:${HEX}`,
    ]) {
      expect(link(rest)).to.deep.include({ infoHash: HEX, blake3InfoHash: other });
    }
  });

  it('reads the v1 half of a hybrid link', () => {
    expect(link(`xt=urn:btmh:1220${'a'.repeat(64)}&xt=urn:btih:${HEX}`)).to.deep.equal({
      infoHash: HEX,
      trackers: [],
      webSeeds: [],
      peers: [],
    });
  });

  it('passes over topics of other networks', () => {
    expect(
      link(`xt=urn:ed2k:31d6cfe0d16ae931b73c59d7e0c089c0&xt=urn:btih:${HEX}&xl=10&ws=http://a/`).infoHash,
    ).to.equal(HEX);
  });

  it('reads name, trackers and peers, each percent-encoded', () => {
    expect(
      link(
        `xt=urn:btih:${HEX}&dn=a+b%20%F0%9F%8E%B5&tr=http%3A%2F%2Fa.example%2Fx%3Fk%3D1&tr.1=udp://b.example:1` +
          '&x.pe=10.0.0.1:9000&x.pe=[2001:db8::1]:9001&x.pe=peer.example:1',
      ),
    ).to.deep.equal({
      infoHash: HEX,
      name: 'a b 🎵',
      trackers: ['http://a.example/x?k=1', 'udp://b.example:1'],
      webSeeds: [],
      peers: [
        { host: '10.0.0.1', port: 9000 },
        { host: '2001:db8::1', port: 9001 },
        { host: 'peer.example', port: 1 },
      ],
    });
  });

  it('reads a link that was copied out of HTML', () => {
    expect(link(`xt=urn:btih:${HEX}&amp;dn=a&amp;tr=http://a.example/`)).to.deep.include({
      name: 'a',
      trackers: ['http://a.example/'],
    });
  });

  it('drops trackers of other schemes, repeats, and unusable peers', () => {
    const peers = ['x', ':1', 'a:0', 'a:65536', 'a:-1', 'a b:1', '[zz]:1', '::1:1', '-a:1', 'a:1/x'].map(
      (peer) => `&x.pe=${peer}`,
    );

    expect(
      link(
        `xt=urn:btih:${HEX}&tr=wss://a/&tr=file:///etc/passwd&tr=http://b/&tr=http://b/&tr=http%3A//c%0a/${peers.join('')}`,
      ),
    ).to.deep.equal({ infoHash: HEX, trackers: ['http://b/'], webSeeds: [], peers: [] });
  });

  it('keeps text that is wrongly encoded as it is', () => {
    expect(link(`xt=urn:btih:${HEX}&dn=100%&%ff=%ff`).name).to.equal('100%');
  });

  it('takes no more trackers and peers than the limits', () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, at) => `&tr=http://t${at}.example/&x.pe=10.0.0.1:${at + 1}`).join('');

    const magnet = link(`xt=urn:btih:${HEX}${many(Math.max(MAX_TRACKERS, MAX_MAGNET_PEERS) + 1)}`);

    expect([magnet.trackers.length, magnet.peers.length]).to.deep.equal([MAX_TRACKERS, MAX_MAGNET_PEERS]);
  });

  it('checks x.b3 against a pure link', () => {
    expect(link(`xt=urn:btih:${HEX}&x.b3=${BLAKE3}`).blake3InfoHash).to.equal(BLAKE3);
    expect(link(`xt=urn:btmh:1e20${BLAKE3}&x.b3=${BLAKE3}`).infoHash).to.equal(HEX);
    expect(problem(`xt=urn:btmh:1e20${BLAKE3}&x.b3=${'f'.repeat(64)}`)).to.contain('several torrents');
  });

  it('says what is wrong', () => {
    expect(expectError('P2P_MAGNET_INVALID', () => parseMagnet('http://a/')).message).to.contain(
      'magnet:?xt=urn:btih:',
    );
    expect(problem('')).to.contain('xt=urn:btih:');
    expect(problem('dn=x')).to.contain('xt=urn:btih:');
    expect(problem(`x.b3=${BLAKE3}`)).to.contain('xt=urn:btih:');
    expect(problem('xt=urn:btih:abc')).to.contain('40 hex digits or 32 letters of base32').and.contain("'abc'");
    expect(problem(`xt=urn:btih:${HEX}0`)).to.contain('40 hex');
    expect(problem('xt=urn:btih:%1b[31m')).to.contain("'\\x1b[31m'");
    expect(problem(`xt=urn:btih:${HEX}&xt=urn:btih:${'0'.repeat(40)}`)).to.contain('several torrents');
    expect(problem(`xt=urn:btmh:1220${'a'.repeat(64)}`)).to.contain('v2');
    expect(problem('xt=urn:btmh:1e20abc')).to.contain('1e20 and 64 hex digits');
    expect(problem(`xt=urn:btmh:1114${HEX}`)).to.contain('1e20 and 64 hex digits');
    expect(problem(`xt=urn:btih:${HEX}&x.b3=abc`)).to.contain('64 hex digits');
  });

  it('refuses one character more than the limit', () => {
    const start = `magnet:?xt=urn:btih:${HEX}&dn=`;

    expect(parseMagnet(start.padEnd(MAX_MAGNET_LENGTH, 'x')).infoHash).to.equal(HEX);
    expectError('P2P_MAGNET_INVALID', () => parseMagnet(start.padEnd(MAX_MAGNET_LENGTH + 1, 'x')));
  });

  it('gives a magnet or P2P_MAGNET_INVALID for any text', () => {
    const part = fc.constantFrom(
      'xt',
      'xt.1',
      'x.b3',
      'dn',
      'tr',
      'x.pe',
      '=',
      '&',
      'urn:btih:',
      'urn:btmh:1e20',
      HEX,
      BLAKE3,
      BASE32,
      '%',
      '%00',
      '%zz',
      '🎵',
      '\ud800',
    );

    fc.assert(
      fc.property(fc.array(fc.oneof(part, fc.string({ maxLength: 5 })), { maxLength: 16 }), (parts) => {
        try {
          expect(link(parts.join('')).infoHash).to.match(/^[0-9a-f]{40}$/);
        } catch (error) {
          expect(error).to.have.property('code', 'P2P_MAGNET_INVALID');
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
