import { expect } from 'chai';

import { formatAddress, type PeerAddress } from '../../src/protocol/peer-address.js';
import { PeerExchange, type ExchangeablePeer } from '../../src/swarm/peer-exchange.js';

describe('PeerExchange', () => {
  it('tells a new peer of all others at once, and then what changed, once a minute', () => {
    const tester = new Tester();
    tester.connect(1, '10.0.0.1');
    tester.connect(2, '10.0.0.2');
    tester.exchange.handleSupported(1, '10.0.0.1', 0);

    expect(tester.told(0)).to.deep.equal(['1: +10.0.0.2:9002']);
    expect(tester.told(1_000)).to.deep.equal([]);
    tester.connect(3, '10.0.0.3');
    tester.leave(2);
    expect(tester.told(59_999)).to.deep.equal([]);

    expect(tester.told(60_000)).to.deep.equal(['1: +10.0.0.3:9003 -10.0.0.2:9002']);
    expect(tester.told(120_000)).to.deep.equal([]);
  });

  it('tells nobody who does not speak it, and nothing after the end', () => {
    const tester = new Tester();
    tester.connect(1, '10.0.0.1');
    tester.connect(2, '10.0.0.2');
    expect(tester.told(0)).to.deep.equal([]);

    tester.exchange.handleSupported(1, '10.0.0.1', 0);
    tester.exchange.handleClosed(1);

    expect(tester.told(0)).to.deep.equal([]);
  });

  it('tells at most 50 new and 50 gone in a message, the rest later, and of 200 at a time', () => {
    const tester = new Tester();
    for (let n = 1; n <= 230; n += 1) tester.connect(n, `10.0.${n >> 7}.${n & 127}`);
    tester.exchange.handleSupported(1, '10.0.0.1', 0);
    const counts = (nowMs: number): number[] =>
      tester.messages(nowMs).flatMap(({ added, dropped }) => [added.length, dropped.length]);

    expect([0, 60_000, 120_000, 180_000, 240_000].map(counts)).to.deep.equal([[50, 0], [50, 0], [50, 0], [50, 0], []]);
    for (let n = 2; n <= 230; n += 1) tester.leave(n);
    const gone = [300_000, 360_000, 420_000, 480_000, 540_000].map(counts);

    expect(gone).to.deep.equal([[0, 50], [0, 50], [0, 50], [0, 50], []]);
  });

  it('tells different partners of different peers first', () => {
    const tester = new Tester();
    for (let n = 1; n <= 200; n += 1) tester.connect(n, `10.0.${n >> 7}.${n & 127}`);
    tester.exchange.handleSupported(1, '10.0.0.1', 0);
    tester.exchange.handleSupported(101, '10.0.0.101', 0);

    const [one, other] = tester.messages(0).map(({ added }) => new Set(added.map(({ address }) => address.host)));

    expect([...(one ?? [])].filter((host) => other?.has(host) === true)).to.deep.equal([]);
  });

  it('tells nobody of addresses that mean nothing to it', () => {
    const tester = new Tester();
    tester.connect(1, '127.0.0.1');
    tester.connect(2, '10.0.0.2');
    tester.connect(3, '203.0.113.3');
    tester.connect(4, 'fe80::4');
    for (const [linkId, { listenAddress }] of tester.peers) {
      tester.exchange.handleSupported(linkId, listenAddress.host, 0);
    }

    expect(tester.told(0)).to.deep.equal([
      '1: +10.0.0.2:9002 +203.0.113.3:9003',
      '2: +203.0.113.3:9003',
      '4: +10.0.0.2:9002 +203.0.113.3:9003',
    ]);
  });

  it('believes nobody about addresses that he cannot know', () => {
    const tester = new Tester();
    const hosts = ['127.0.0.1', '::1', '10.0.0.2', 'fd00::1', '169.254.1.1', 'fe80::1', '203.0.113.3', '2001:db8::1'];
    const believed = (linkId: number): string[] =>
      tester.exchange.pickBelieved(linkId, hosts.map(anExchanged)).map(({ host }) => host);
    tester.exchange.handleSupported(1, '127.0.0.1', 0);
    tester.exchange.handleSupported(2, '192.168.0.1', 0);
    tester.exchange.handleSupported(3, '198.51.100.1', 0);

    expect(believed(1)).to.deep.equal(['127.0.0.1', '::1', '10.0.0.2', 'fd00::1', '203.0.113.3', '2001:db8::1']);
    expect(believed(2)).to.deep.equal(['10.0.0.2', 'fd00::1', '203.0.113.3', '2001:db8::1']);
    expect(believed(3)).to.deep.equal(['203.0.113.3', '2001:db8::1']);
    expect(believed(4)).to.deep.equal([]);
  });

  it('takes at most 1,000 addresses from one peer', () => {
    const tester = new Tester();
    tester.exchange.handleSupported(1, '198.51.100.1', 0);
    const told = Array.from({ length: 100 }, (_, n) => anExchanged(`203.0.113.${n}`));

    const counts = Array.from({ length: 11 }, () => tester.exchange.pickBelieved(1, told).length);

    expect(counts.reduce((sum, count) => sum + count)).to.equal(1_000);
  });
});

class Tester {
  readonly exchange = new PeerExchange();
  readonly peers = new Map<number, ExchangeablePeer>();

  connect(linkId: number, host: string): void {
    this.peers.set(linkId, { linkId, listenAddress: anAddress(host, linkId), isSeed: false, isReachable: true });
    this.exchange.handleChanged();
  }

  leave(linkId: number): void {
    this.peers.delete(linkId);
    this.exchange.handleChanged();
  }

  messages(nowMs: number): ReturnType<PeerExchange['pickMessages']> {
    return this.exchange.pickMessages(() => this.peers.values(), nowMs);
  }

  told(nowMs: number): string[] {
    return this.messages(nowMs).map(({ linkId, added, dropped }) =>
      [
        `${linkId}:`,
        ...added.map(({ address }) => `+${formatAddress(address)}`),
        ...dropped.map((address) => `-${formatAddress(address)}`),
      ].join(' '),
    );
  }
}

function anAddress(host: string, n: number): PeerAddress {
  return { host, port: 9_000 + n };
}

function anExchanged(host: string) {
  return { address: anAddress(host, 0), isSeed: false, isReachable: false };
}
