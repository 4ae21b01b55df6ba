import { expect } from 'chai';
import fc from 'fast-check';

import { ProtocolError } from '../../src/errors.js';
import { MAX_EXCHANGED_PEERS } from '../../src/protocol/limits.js';
import { decodePeerExchange, encodePeerExchange, type ExchangedPeer } from '../../src/protocol/peer-exchange.js';
import { bencode } from '../helpers/naive-bencode.js';

const SEED: ExchangedPeer = { address: { host: '10.0.0.1', port: 6_881 }, isSeed: true, isReachable: false };
const REACHABLE: ExchangedPeer = { address: { host: '2001:db8::1', port: 9_000 }, isSeed: false, isReachable: true };
const PLAIN: ExchangedPeer = { address: { host: '10.0.0.2', port: 65_535 }, isSeed: false, isReachable: false };

describe('ut_pex', () => {
  it('is written as BEP 11 has it, both families apart', () => {
    const message = encodePeerExchange({ added: [SEED, REACHABLE, PLAIN], dropped: [{ host: '10.0.0.3', port: 1 }] });

    expect(Buffer.from(message).toString('latin1')).to.equal(
      'd5:added12:\n\0\0\x01\x1a\xe1\n\0\0\x02\xff\xff7:added.f2:\x02\0' +
        '6:added618:\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x23\x288:added6.f1:\x10' +
        '7:dropped6:\n\0\0\x03\0\x018:dropped60:e',
    );
  });

  it('reads what it wrote', () => {
    const message = { added: [SEED, PLAIN, REACHABLE], dropped: [SEED.address, REACHABLE.address] };

    expect(decodePeerExchange(encodePeerExchange(message))).to.deep.equal(message);
  });

  it('takes lists without flags, with flags that are short, and with a rest', () => {
    const peers = Buffer.from([10, 0, 0, 1, 0, 80, 10, 0, 0, 2, 0, 81, 9, 9]);
    const read = (told: Parameters<typeof bencode>[0]): readonly ExchangedPeer[] =>
      decodePeerExchange(bencode(told)).added;

    expect(read({ added: peers }).map(({ isSeed }) => isSeed)).to.deep.equal([false, false]);
    expect(read({ added: peers, 'added.f': Buffer.of(2) }).map(({ isSeed }) => isSeed)).to.deep.equal([true, false]);
    expect(read({ added: 7, added6: ['x'] })).to.deep.equal([]);
  });

  it('passes over what nobody can dial', () => {
    const added = Buffer.from([0, 0, 0, 0, 0, 80, 224, 0, 0, 1, 0, 80, 255, 255, 255, 255, 0, 80, 10, 0, 0, 1, 0, 0]);

    expect(decodePeerExchange(bencode({ added })).added).to.deep.equal([]);
  });

  it('reads no more than 100 of each list', () => {
    const peers = Array.from({ length: MAX_EXCHANGED_PEERS + 1 }, (_, n) => [10, 0, n >> 8, n & 255, 35, 40]).flat();

    const { added, dropped } = decodePeerExchange(bencode({ added: Buffer.from(peers), dropped: Buffer.from(peers) }));

    expect([added.length, dropped.length]).to.deep.equal([100, 100]);
  });

  it('refuses what is no dictionary, nested without end or cut off, and never anything else', () => {
    for (const text of ['', 'le', 'i5e', `d5:added${'l'.repeat(50_000)}`, 'd5:added12:abc']) {
      expect(() => decodePeerExchange(Buffer.from(text)), text.slice(0, 20)).to.throw(ProtocolError, 'peer exchange');
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodePeerExchange(bytes);
        } catch (error) {
          expect(error).to.be.instanceOf(ProtocolError);
        }
      }),
    );
  });
});
