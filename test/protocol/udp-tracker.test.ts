import { expect } from 'chai';
import fc from 'fast-check';
import {
  encodeUdpReply,
  encodeUdpRequest,
  parseUdpReply,
  parseUdpRequest,
  type UdpAnnounce,
  type UdpReply,
  type UdpRequest,
} from '../../src/protocol/udp-tracker.js';

const ID = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const HASH = new Uint8Array(20).fill(0xaa);
const PEER_ID = new Uint8Array(20).fill(0xbb);

const ANNOUNCE: UdpAnnounce = {
  type: 'announce',
  ...{ connectionId: ID, transactionId: 0xdeadbeef, infoHash: HASH, peerId: PEER_ID },
  ...{ downloadedBytes: 1, leftBytes: 2 ** 40, uploadedBytes: 0, event: 'started', key: 0xcafe, numWant: -1 },
  port: 6881,
};

function hex(packet: Uint8Array): string {
  return Buffer.from(packet).toString('hex');
}

function bytes(...parts: readonly string[]): Uint8Array {
  return new Uint8Array(Buffer.from(parts.join(''), 'hex'));
}

describe('encodeUdpRequest', () => {
  it('writes a connect', () => {
    expect(hex(encodeUdpRequest({ type: 'connect', transactionId: 7 }))).to.equal('00000417271019800000000000000007');
  });

  it('writes an announce of 98 bytes', () => {
    const head = '010203040506070800000001deadbeef' + 'aa'.repeat(20) + 'bb'.repeat(20);
    const counters = '0000000000000001' + '0000010000000000' + '0000000000000000';
    expect(hex(encodeUdpRequest(ANNOUNCE))).to.equal(
      `${head}${counters}00000002` + '00000000' + '0000cafe' + 'ffffffff' + '1ae1',
    );
  });

  it('writes the path behind an announce, in parts of 255 bytes (BEP 41)', () => {
    expect(hex(encodeUdpRequest(ANNOUNCE, '/a?b')).slice(196)).to.equal('0204' + '2f613f62' + '00');
    const long = encodeUdpRequest(ANNOUNCE, 'x'.repeat(256));
    expect(hex(long).slice(196)).to.equal('02ff' + '78'.repeat(255) + '0201' + '78' + '00');
  });

  it('writes a scrape of several torrents', () => {
    const scrape = { type: 'scrape', connectionId: ID, transactionId: 7, infoHashes: [HASH, PEER_ID] } as const;
    expect(hex(encodeUdpRequest(scrape))).to.equal(
      '01020304050607080000000200000007' + 'aa'.repeat(20) + 'bb'.repeat(20),
    );
  });
});

describe('parseUdpRequest', () => {
  it('reads back what is written', () => {
    const hash = fc.uint8Array({ minLength: 20, maxLength: 20 });
    const connectionId = fc.uint8Array({ minLength: 8, maxLength: 8 });
    const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    const requests: fc.Arbitrary<UdpRequest> = fc.oneof(
      fc.record({ type: fc.constant('connect' as const), transactionId: word }),
      fc.record({
        type: fc.constant('announce' as const),
        ...{ connectionId, transactionId: word, infoHash: hash, peerId: hash, key: word },
        downloadedBytes: fc.maxSafeNat(),
        leftBytes: fc.maxSafeNat(),
        uploadedBytes: fc.maxSafeNat(),
        event: fc.constantFrom('none', 'completed', 'started', 'stopped', 'paused'),
        numWant: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
        port: fc.integer({ min: 0, max: 65_535 }),
      }),
      fc.record({
        type: fc.constant('scrape' as const),
        ...{ connectionId, transactionId: word },
        infoHashes: fc.array(hash, { minLength: 1, maxLength: 74 }),
      }),
    );
    fc.assert(
      fc.property(requests, (request) => {
        expect(parseUdpRequest(encodeUdpRequest(request))).to.deep.equal(request);
      }),
    );
  });

  it('takes an announce with anything behind it', () => {
    expect(parseUdpRequest(encodeUdpRequest(ANNOUNCE, '/announce?key=1'))).to.deep.equal(ANNOUNCE);
  });

  it('takes an unknown event for none', () => {
    const packet = encodeUdpRequest(ANNOUNCE);
    packet[83] = 9;
    expect(parseUdpRequest(packet)).to.deep.include({ event: 'none' });
  });

  it('refuses whatever is one byte too short, another action, a wrong magic, and 0 or 75 torrents', () => {
    const connect = encodeUdpRequest({ type: 'connect', transactionId: 7 });
    const scrape = (count: number): Uint8Array =>
      bytes('01'.repeat(8), '00000002', '00000007', 'aa'.repeat(20 * count));
    expect(parseUdpRequest(scrape(74)))
      .to.have.property('infoHashes')
      .with.lengthOf(74);
    for (const packet of [
      new Uint8Array(0),
      connect.subarray(0, 15),
      Uint8Array.from(connect).fill(0, 0, 4),
      encodeUdpRequest(ANNOUNCE).subarray(0, 97),
      scrape(0),
      bytes(hex(scrape(1)).slice(0, -2)),
      scrape(75),
      bytes('01'.repeat(8), '00000004', '00000007'),
    ]) {
      expect(parseUdpRequest(packet), hex(packet)).to.equal(undefined);
    }
  });
});

describe('parseUdpReply', () => {
  it('reads back what is written', () => {
    const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    const counts = fc.record({ seeders: word, completed: word, leechers: word });
    const replies: fc.Arbitrary<UdpReply> = fc.oneof(
      fc.record({
        type: fc.constant('connect' as const),
        transactionId: word,
        connectionId: fc.uint8Array({ minLength: 8, maxLength: 8 }),
      }),
      fc.record({
        type: fc.constant('announce' as const),
        ...{ transactionId: word, intervalSec: word, leechers: word, seeders: word },
        peers: fc.uint8Array({ maxLength: 1_200 }),
      }),
      fc.record({ type: fc.constant('scrape' as const), transactionId: word, counts: fc.array(counts) }),
      fc.record({ type: fc.constant('error' as const), transactionId: word, message: fc.uint8Array() }),
    );
    fc.assert(
      fc.property(replies, (reply) => {
        expect(parseUdpReply(encodeUdpReply(reply))).to.deep.equal(reply);
      }),
    );
  });

  it('reads the layout of BEP 15', () => {
    expect(parseUdpReply(bytes('00000001', '00000007', '00000078', '00000002', '00000001', 'c0000201', '1ae1'))).to.eql(
      {
        ...{ type: 'announce', transactionId: 7, intervalSec: 120, leechers: 2, seeders: 1 },
        peers: bytes('c0000201', '1ae1'),
      },
    );
    expect(parseUdpReply(bytes('00000002', '00000007', '00000001', '00000002', '00000003'))).to.deep.equal({
      ...{ type: 'scrape', transactionId: 7, counts: [{ seeders: 1, completed: 2, leechers: 3 }] },
    });
  });

  it('refuses what is too short, and other actions', () => {
    for (const packet of ['', '00000003000000', '0000000000000007', '00000001'.repeat(4), '0000000400000007']) {
      expect(parseUdpReply(bytes(packet)), packet).to.equal(undefined);
    }
  });
});
