import { expect } from 'chai';
import fc from 'fast-check';
import { encodeBencode } from '../../src/metainfo/bencode.js';
import { parseAnnounceReply, type AnnounceReply } from '../../src/tracker/parse-announce-reply.js';

function read(reply: Parameters<typeof encodeBencode>[0]): AnnounceReply {
  const parsed = parseAnnounceReply(encodeBencode(reply));
  if (parsed.type !== 'reply') throw new Error(JSON.stringify(parsed));
  return parsed.reply;
}

function compact(...bytes: number[]): Uint8Array {
  return Uint8Array.from(bytes);
}

describe('parseAnnounceReply', () => {
  it('reads compact peers of both families', () => {
    const ipv6 = compact(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x1a, 0xe1);

    const reply = read({
      interval: 120,
      complete: 2,
      incomplete: 3,
      peers: compact(10, 0, 0, 1, 0x1a, 0xe1),
      peers6: ipv6,
    });

    expect(reply).to.deep.equal({
      intervalMs: 120_000,
      minIntervalMs: 60_000,
      seeders: 2,
      leechers: 3,
      peers: [
        { host: '10.0.0.1', port: 6881 },
        { host: '2001:db8::7', port: 6881 },
      ],
    });
  });

  it('reads dictionaries of peers, but asks no resolver for names', () => {
    const peers = [
      { ip: '10.0.0.1', port: 6881 },
      { ip: '::1', port: 6882, 'peer id': 'x'.repeat(20) },
      { ip: 'internal.example', port: 80 },
      { port: 1 },
    ];
    expect(read({ peers }).peers).to.deep.equal([
      { host: '10.0.0.1', port: 6881 },
      { host: '::1', port: 6882 },
    ]);
  });

  it('drops peers that cannot be dialled, and repeats', () => {
    const peers = compact(
      ...[10, 0, 0, 1, 0, 0],
      ...[224, 0, 0, 1, 1, 1],
      ...[0, 0, 0, 0, 1, 1],
      ...[255, 255, 255, 255, 1, 1],
      ...[10, 0, 0, 2, 1, 1],
      ...[10, 0, 0, 2, 1, 1],
      ...[10, 0, 0],
    );
    expect(read({ peers }).peers).to.deep.equal([{ host: '10.0.0.2', port: 257 }]);
  });

  it('keeps intervals within 15 s and 1 h', () => {
    expect(read({ interval: 0, 'min interval': 0 })).to.deep.include({ intervalMs: 15_000, minIntervalMs: 15_000 });
    expect(read({ interval: 1e9, 'min interval': 1e9 })).to.deep.include({
      intervalMs: 3_600_000,
      minIntervalMs: 3_600_000,
    });
    expect(read({ interval: -5 }).intervalMs).to.equal(1_800_000);
  });

  it('keeps 2,000 peers of a reply that names more', () => {
    const peers = new Uint8Array(6 * 2_001);
    for (let peer = 0; peer <= 2_000; peer += 1) peers.set([10, 0, peer >> 8, peer & 255, 1, 1], 6 * peer);
    expect(read({ peers }).peers).to.have.lengthOf(2_000);
  });

  it('shows control characters of a failure reason and of a warning', () => {
    const failed = parseAnnounceReply(encodeBencode({ 'failure reason': 'no\x1b[31m' }));
    expect(failed).to.deep.equal({ type: 'failure', reason: 'no\\x1b[31m' });
    expect(read({ 'warning message': 'a\nb' }).warning).to.equal('a\\x0ab');
  });

  it('knows what is no reply', () => {
    for (const text of ['', '<html>', 'le', 'i1e', 'd', 'd14:failure reasoni1ee']) {
      expect(parseAnnounceReply(Buffer.from(text)).type, text).to.equal('invalid');
    }
    expect(parseAnnounceReply(Buffer.from('l'.repeat(20_000))).type).to.equal('invalid');
  });

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        parseAnnounceReply(bytes);
      }),
    );
  });
});
