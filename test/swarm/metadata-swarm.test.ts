import { expect } from 'chai';
import type { PeerAddress } from '../../src/protocol/peer-address.js';
import type { MetadataAction, MetadataEvent } from '../../src/swarm/metadata-events.js';
import { MetadataSwarm, type MetadataSwarmConfig } from '../../src/swarm/metadata-swarm.js';
import { seededRandom } from '../../src/swarm/seeded-random.js';
import { testBytes } from '../helpers/test-bytes.js';
import { aPeerId } from './swarm-fixture.js';

const SIZE = 50_000;
const METADATA = testBytes(SIZE, 1);
const TRACKER = 'http://10.0.0.9/announce';

describe('MetadataSwarm', () => {
  it('dials whom it hears of, and asks the first that offers metadata', () => {
    const tester = new Tester();
    tester.find('10.0.0.1', '10.0.0.2');
    expect(tester.take('dial')).to.have.length(2);

    tester.connect(1);
    tester.connect(2);
    expect(tester.take('admit')).to.have.length(2);
    tester.offer(2);

    expect(tester.take('fetch-metadata').map(({ linkId }) => linkId)).to.deep.equal([2]);
  });

  it('finds it, once, and hands on where peers are: those that answered first', () => {
    const tester = new Tester();
    tester.find('10.0.0.1', '10.0.0.2');
    tester.connect(1);
    tester.offer(1);
    tester.whole(1, METADATA);
    tester.whole(1, METADATA);

    const found = tester.take('metadata-found');
    expect(found).to.have.length(1);
    expect(found[0]?.bytes).to.equal(METADATA);
    expect(tester.swarm.addresses.map(({ host }) => host)).to.deep.equal(['10.0.0.1', '10.0.0.2']);
  });

  it('asks a second peer after two seconds, a third after four, and no fourth', () => {
    const tester = new Tester();
    tester.find('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4');
    for (const linkId of [1, 2, 3, 4]) {
      tester.connect(linkId);
      tester.offer(linkId);
    }

    expect(tester.take('fetch-metadata')).to.have.length(1);
    tester.passTo(1_999);
    expect(tester.take('fetch-metadata')).to.have.length(0);
    tester.passTo(2_500);
    expect(tester.take('fetch-metadata')).to.have.length(1);
    tester.passTo(9_000);
    expect(tester.take('fetch-metadata')).to.have.length(1);
  });

  it('asks the next at once when the one that was asked is gone', () => {
    const tester = new Tester();
    tester.find('10.0.0.1', '10.0.0.2');
    for (const linkId of [1, 2]) {
      tester.connect(linkId);
      tester.offer(linkId);
    }
    tester.take('fetch-metadata');

    tester.handle({ type: 'link-closed', linkId: 1, reason: 'timeout' });

    expect(tester.take('fetch-metadata').map(({ linkId }) => linkId)).to.deep.equal([2]);
  });

  it('bans the one peer whose metadata fails the hash, and asks another', () => {
    const tester = new Tester();
    tester.find('10.0.0.1', '10.0.0.2');
    for (const linkId of [1, 2]) {
      tester.connect(linkId);
      tester.offer(linkId);
    }

    tester.whole(1, undefined);

    expect(tester.take('ban').map(({ address }) => address.host)).to.deep.equal(['10.0.0.1']);
    expect(tester.take('close').map(({ linkId }) => linkId)).to.deep.equal([1]);
    expect(tester.take('fetch-metadata').map(({ linkId }) => linkId)).to.deep.equal([1, 2]);
    tester.handle({ type: 'link-closed', linkId: 1, reason: 'ours' });
    tester.passTo(400_000);
    expect(tester.take('dial').filter(({ address }) => address.host === '10.0.0.1')).to.have.length(1);
  });

  it('lets a slow peer make room when others wait, after ten seconds and then after twenty', () => {
    const tester = new Tester();
    const linkIds = [1, 2, 3, 4, 5];
    tester.find(...linkIds.map((linkId) => `10.0.0.${linkId}`));
    for (const linkId of linkIds) {
      tester.connect(linkId);
      tester.offer(linkId);
    }
    tester.passTo(9_999);
    expect(tester.take('close')).to.have.length(0);

    tester.passTo(10_500);
    expect(tester.take('close').map(({ linkId }) => linkId)).to.deep.equal([1]);
    tester.handle({ type: 'link-closed', linkId: 1, reason: 'ours' });
    expect(tester.take('fetch-metadata').map(({ linkId }) => linkId)).to.deep.equal([1, 2, 3, 4]);

    tester.passTo(20_000);
    expect(tester.take('close')).to.have.length(0);
    tester.passTo(23_000);
    expect(tester.take('close').map(({ linkId }) => linkId)).to.deep.equal([2]);
  });

  it('keeps a slow peer that nobody waits for', () => {
    const tester = new Tester();
    tester.find('10.0.0.1');
    tester.connect(1);
    tester.offer(1);

    tester.passTo(600_000);

    expect(tester.take('close')).to.have.length(0);
  });

  it('closes who offers nothing for ten seconds, and comes back later each time', () => {
    const tester = new Tester();
    tester.find('10.0.0.1');
    tester.connect(1);
    tester.handle({ type: 'metadata-offered', linkId: 1, sizeBytes: undefined, listenPort: undefined });

    tester.passTo(10_000);
    expect(tester.take('close').map(({ why }) => why)).to.deep.equal(['it offers no metadata']);
    tester.handle({ type: 'link-closed', linkId: 1, reason: 'ours' });
    tester.take('dial');
    tester.passTo(12_600);
    expect(tester.take('dial')).to.have.length(1);
    tester.connect(2);
    tester.passTo(23_000);
    tester.handle({ type: 'link-closed', linkId: 2, reason: 'ours' });

    tester.passTo(25_600);
    expect(tester.take('dial')).to.have.length(0);
    tester.passTo(28_100);
    expect(tester.take('dial')).to.have.length(1);
  });

  it('announces at once, says when it needs more peers, and says goodbye', () => {
    const tester = new Tester({ trackerTiers: [[TRACKER]] });
    expect(tester.take('announce').map(({ event }) => event)).to.deep.equal(['started']);
    tester.answer('10.0.0.1');
    expect(tester.take('dial')).to.have.length(1);

    tester.passTo(15_500);
    expect(tester.take('announce')).to.have.length(1);
    tester.answer();
    tester.handle({ type: 'stop' });

    expect(tester.take('announce').map(({ event }) => event)).to.deep.equal(['stopped']);
  });

  it('leaves goodbye to the download when the metadata is found', () => {
    const tester = new Tester({ trackerTiers: [[TRACKER]] });
    tester.answer('10.0.0.1');
    tester.connect(1);
    tester.offer(1);
    tester.whole(1, METADATA);
    tester.take('announce');

    tester.handle({ type: 'stop' });

    expect(tester.take('announce')).to.have.length(0);
    expect(tester.take('close').map(({ linkId }) => linkId)).to.deep.equal([1]);
    expect(tester.swarm.nextWakeMs()).to.equal(undefined);
  });

  it('hands on 200 addresses at most', () => {
    const tester = new Tester();

    for (let block = 0; block < 10; block += 1) {
      tester.find(...Array.from({ length: 100 }, (_, host) => `10.1.${block}.${host}`));
    }

    expect(tester.swarm.addresses).to.have.length(200);
  });

  it('says how it stands', () => {
    const tester = new Tester();
    tester.find('10.0.0.1', '10.0.0.2');
    expect(tester.swarm.snapshot(0)).to.include({
      peers: 0,
      receivedBytes: 0,
      totalBytes: undefined,
      everAnswered: false,
    });
    tester.connect(1);
    tester.connect(2);
    tester.offer(1);
    tester.handle({ type: 'metadata-received', linkId: 1, receivedBytes: 16_384 });

    expect(tester.swarm.snapshot(0)).to.include({
      ...{ peers: 2, offeringPeers: 1, receivedBytes: 16_384, totalBytes: SIZE, everAnswered: true },
    });
  });
});

type ActionOf<Type extends MetadataAction['type']> = Extract<MetadataAction, { readonly type: Type }>;

class Tester {
  readonly swarm: MetadataSwarm;
  #actions: MetadataAction[] = [];
  #nowMs = 0;
  #linkSerial = 0;
  readonly #addressOf = new Map<number, PeerAddress>();

  constructor(config: Partial<MetadataSwarmConfig> = {}) {
    this.swarm = new MetadataSwarm(
      {
        ourPeerId: aPeerId('80'),
        trackerTiers: [],
        maxLinks: 50,
        random: seededRandom(1),
        nextLinkId: () => (this.#linkSerial += 1),
        ...config,
      },
      0,
    );
    this.#drain();
  }

  handle(event: MetadataEvent): void {
    this.swarm.handle(event, this.#nowMs);
    this.#drain();
  }

  /** Links are numbered in the order in which these are dialled. */
  find(...hosts: readonly string[]): void {
    for (const host of hosts) {
      this.handle({ type: 'peers-found', source: 'magnet', addresses: [{ host, port: 6881 }] });
    }
  }

  connect(linkId: number): void {
    const address = this.#addressOf.get(linkId);
    if (!address) throw new Error(`link ${linkId} was not dialled`);
    const peerId = aPeerId(Buffer.from(address.host).toString('hex').slice(0, 40));
    this.handle({ type: 'link-handshaken', linkId, address, incoming: false, peerId });
  }

  offer(linkId: number): void {
    this.handle({ type: 'metadata-offered', linkId, sizeBytes: SIZE, listenPort: undefined });
  }

  whole(linkId: number, bytes: Uint8Array | undefined): void {
    this.handle({ type: 'metadata-whole', linkId, bytes });
  }

  answer(...hosts: readonly string[]): void {
    const peers = hosts.map((host) => ({ host, port: 6881 }));
    this.handle({ type: 'announce-succeeded', url: TRACKER, intervalMs: 120_000, minIntervalMs: 15_000, peers });
  }

  /** Lets time pass, waking as the swarm asks for. */
  passTo(timeMs: number): void {
    for (;;) {
      const wakeMs = this.swarm.nextWakeMs();
      if (wakeMs === undefined || wakeMs > timeMs) break;
      this.#nowMs = Math.max(this.#nowMs, wakeMs);
      this.handle({ type: 'wake' });
    }
    this.#nowMs = timeMs;
  }

  /** The actions of that type since the last look. */
  take<Type extends MetadataAction['type']>(type: Type): ActionOf<Type>[] {
    const taken = this.#actions.filter((action): action is ActionOf<Type> => action.type === type);
    this.#actions = this.#actions.filter((action) => action.type !== type);
    return taken;
  }

  #drain(): void {
    for (let action = this.swarm.poll(); action; action = this.swarm.poll()) {
      if (action.type === 'dial') this.#addressOf.set(action.linkId, action.address);
      this.#actions.push(action);
    }
  }
}
