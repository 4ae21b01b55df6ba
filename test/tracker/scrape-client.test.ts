import { expect } from 'chai';
import { P2pError } from '../../src/errors.js';
import { parseScrapeReply, scrapeUrl } from '../../src/tracker/scrape-client.js';

const HASH = new Uint8Array(20).fill(0x61);
const KEY = `20:${'a'.repeat(20)}`;

describe('scrapeUrl', () => {
  it('puts scrape in the place of announce (BEP 48)', () => {
    const cases = {
      'http://a:1/announce': 'http://a:1/scrape',
      'https://a/x/announce': 'https://a/x/scrape',
      'http://a/announce.php?x=2%0644': 'http://a/scrape.php?x=2%0644',
      'http://a/x/announce?key=announce': 'http://a/x/scrape?key=announce',
    };
    for (const [announce, scrape] of Object.entries(cases)) expect(scrapeUrl(announce).href).to.equal(scrape);
  });

  it('says which trackers cannot be scraped', () => {
    for (const url of ['http://a/', 'http://a/x', 'http://a/announce/x', 'http://a/xannounce']) {
      expect(() => scrapeUrl(url), url)
        .to.throw(P2pError, /cannot be scraped/)
        .with.property('code', 'P2P_TRACKER_FAILURE');
    }
  });
});

describe('parseScrapeReply', () => {
  const parse = (text: string): unknown => parseScrapeReply(Buffer.from(text, 'latin1'), HASH);

  it('reads the counts of the torrent that was asked for', () => {
    const other = `20:${'b'.repeat(20)}d8:completei9ee`;
    const text = `d5:filesd${KEY}d8:completei3e10:downloadedi5e10:incompletei4ee${other}ee`;
    expect(parse(text)).to.deep.equal({ type: 'reply', counts: { seeders: 3, completed: 5, leechers: 4 } });
  });

  it('knows no counts of a torrent that is not there, and takes those that are left out for 0', () => {
    expect(parse('d5:filesdee')).to.deep.equal({ type: 'reply', counts: undefined });
    expect(parse(`d5:filesd${KEY}d8:completei-3eeee`)).to.deep.equal({
      ...{ type: 'reply', counts: { seeders: 0, completed: 0, leechers: 0 } },
    });
  });

  it('takes the only torrent of an answer for the one that was asked for, however its info hash is written', () => {
    const text = `d5:filesd21:${'b'.repeat(21)}d8:completei3eeee`;
    expect(parse(text)).to.deep.equal({ type: 'reply', counts: { seeders: 3, completed: 0, leechers: 0 } });
  });

  it('tells a refusal from nonsense', () => {
    expect(parse('d14:failure reason4:no\x1b!e')).to.deep.equal({ type: 'failure', reason: 'no\\x1b!' });
    for (const text of ['', 'x', 'le', 'de', 'd5:filesi1ee']) {
      expect(parse(text), text).to.have.property('type', 'invalid');
    }
  });
});
