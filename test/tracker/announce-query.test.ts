import { expect } from 'chai';
import fc from 'fast-check';
import { parseAnnounceQuery, parseScrapeQuery } from '../../src/tracker/announce-query.js';
import { announceUrl } from '../../src/tracker/announce-client.js';

const HASH = 'a'.repeat(20);
const ID = 'b'.repeat(20);

function query(fields: Record<string, string | undefined> = {}): string {
  const all: Record<string, string | undefined> = { info_hash: HASH, peer_id: ID, port: '6881', left: '1', ...fields };
  return Object.entries(all)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
    .join('&');
}

function parse(text: string): ReturnType<typeof parseAnnounceQuery> {
  return parseAnnounceQuery(Buffer.from(text, 'latin1'));
}

function parseScrape(text: string): ReturnType<typeof parseScrapeQuery> {
  return parseScrapeQuery(Buffer.from(text, 'latin1'));
}

function reasonOf(fields: Record<string, string | undefined>): string {
  const parsed = parse(query(fields));
  return parsed.type === 'refusal' ? parsed.reason : 'accepted';
}

describe('parseAnnounceQuery', () => {
  it('reads an announce', () => {
    expect(parse(query({ event: 'started', compact: '1', numwant: '80' }))).to.deep.equal({
      type: 'announce',
      infoHash: HASH,
      peerId: new Uint8Array(Buffer.from(ID)),
      port: 6881,
      event: 'started',
      role: 'downloader',
      numWant: 80,
      isCompact: true,
      withPeerIds: true,
    });
  });

  it('gives 50 peers by default and 200 at most', () => {
    const numWantOf = (numwant: string | undefined): unknown => {
      const parsed = parse(query({ numwant }));
      return parsed.type === 'announce' && parsed.numWant;
    };
    expect(numWantOf(undefined)).to.equal(50);
    expect(numWantOf('-1')).to.equal(50);
    expect(numWantOf('0')).to.equal(0);
    expect(numWantOf('200')).to.equal(200);
    expect(numWantOf('201')).to.equal(200);
    expect(numWantOf('1000000000')).to.equal(200);
    expect(numWantOf('9'.repeat(40))).to.equal(50);
  });

  it('knows seeds, partial seeds and downloaders', () => {
    const roleOf = (fields: Record<string, string | undefined>): unknown => {
      const parsed = parse(query(fields));
      return parsed.type === 'announce' && parsed.role;
    };
    expect(roleOf({ left: '0' })).to.equal('seed');
    expect(roleOf({ left: '1', event: 'completed' })).to.equal('seed');
    expect(roleOf({ left: '0', event: 'paused' })).to.equal('partial-seed');
    expect(roleOf({ left: '5', event: 'paused' })).to.equal('partial-seed');
    expect(roleOf({ left: undefined })).to.equal('downloader');
  });

  it('refuses what is missing, too short, too long or no number', () => {
    expect(reasonOf({ info_hash: undefined })).to.equal('info_hash is missing');
    expect(reasonOf({ info_hash: 'a'.repeat(19) })).to.equal('info_hash has 19 bytes instead of 20');
    expect(reasonOf({ info_hash: 'a'.repeat(21) })).to.equal('info_hash has 21 bytes instead of 20');
    expect(reasonOf({ info_hash: 'a'.repeat(40) })).to.equal('info_hash has 40 bytes instead of 20');
    expect(reasonOf({ peer_id: '' })).to.equal('peer_id has 0 bytes instead of 20');
    expect(reasonOf({ left: 'x' })).to.match(/^left/);
    expect(reasonOf({ left: '-1' })).to.match(/^left/);
    expect(reasonOf({ event: '%4' })).to.match(/^a percent sign/);
  });

  it('refuses port 0, privileged ports and what is no port', () => {
    for (const port of ['0', '80', '1023', '65536', '-1', '', 'http', undefined]) {
      expect(reasonOf({ port }), String(port)).to.match(/^port/);
    }
    expect(reasonOf({ port: '1024' })).to.equal('accepted');
    expect(reasonOf({ port: '65535' })).to.equal('accepted');
  });

  it('passes over other fields, and takes the last of several', () => {
    const parsed = parse(`ip=10.0.0.1&&=&key&port=1&${query({ no_peer_id: '0' })}&port=7000&no_peer_id=1&compact=0`);
    expect(parsed).to.deep.include({ type: 'announce', port: 7_000, isCompact: false, withPeerIds: false });
  });

  it('reads only the part that it is given', () => {
    const text = query();
    const bytes = Buffer.from(`left=x&${text}%`, 'latin1');
    expect(parseAnnounceQuery(bytes, 7, 7 + text.length)).to.deep.equal(parse(text));
  });

  it('tells torrents apart that follow one another', () => {
    for (const letter of 'aabbab') {
      expect(parse(query({ info_hash: letter.repeat(20) }))).to.deep.include({ infoHash: letter.repeat(20) });
    }
  });

  it('reads any bytes that the client escapes', () => {
    const bytes = fc.uint8Array({ minLength: 20, maxLength: 20 });
    fc.assert(
      fc.property(bytes, bytes, (infoHash, peerId) => {
        const url = announceUrl({
          url: 'http://localhost/announce?passkey=a%20b',
          infoHash: Buffer.from(infoHash).toString('hex'),
          peerId: Buffer.from(peerId).toString('hex'),
          port: 6881,
          uploadedBytes: 0,
          downloadedBytes: 0,
          leftBytes: 0,
          event: 'none',
        });
        const parsed = parse(url.slice(url.indexOf('?') + 1));
        expect(parsed).to.deep.include({
          type: 'announce',
          infoHash: Buffer.from(infoHash).toString('latin1'),
          peerId,
        });
      }),
    );
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z_=&%+0-9;?#]{0,200}$/), (text) => {
        expect(parse(text).type).to.equal('refusal');
      }),
    );
  });
});

describe('parseScrapeQuery', () => {
  it('reads several info hashes, ascending and once each', () => {
    const b = 'b'.repeat(20);
    expect(parseScrape(`info_hash=${b}&info_hash=${HASH}&info_hash=${b}`)).to.deep.equal({
      type: 'scrape',
      infoHashes: [HASH, b],
    });
  });

  it('refuses to scrape everything, and wrong info hashes', () => {
    expect(parseScrape('')).to.deep.include({ type: 'refusal' });
    expect(parseScrape(`info_hash=${HASH}&info_hash=abc`)).to.deep.include({ type: 'refusal' });
  });
});
