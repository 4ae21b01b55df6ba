import { expect } from 'chai';
import { isIP } from 'node:net';
import fc from 'fast-check';
import { formatIp, isDialableIp, isLoopbackIp, parseIp } from '../../src/protocol/ip-address.js';

function read(text: string): string | undefined {
  const bytes = parseIp(text);
  return bytes && formatIp(bytes);
}

describe('parseIp', () => {
  it('reads every form of an address', () => {
    expect(read('10.0.0.1')).to.equal('10.0.0.1');
    expect(read('::ffff:10.0.0.1')).to.equal('10.0.0.1');
    expect(read('::')).to.equal('::');
    expect(read('::1')).to.equal('::1');
    expect(read('2001:DB8:0:0:1:0:0:1')).to.equal('2001:db8::1:0:0:1');
    expect(read('fe80::1%eth0')).to.equal('fe80::1');
    expect(read('1:2:3:4:5:6:7::')).to.equal('1:2:3:4:5:6:7:0');
  });

  it('refuses what is no address', () => {
    for (const text of ['', '1.2.3', '256.1.1.1', '1.2.3.4.5', ':', ':::', '1::2::3', '12345::', 'localhost', 'g::1']) {
      expect(parseIp(text), text).to.equal(undefined);
    }
  });

  it('agrees with node:net about any text', () => {
    const texts = fc.oneof(fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{0,20}$/));
    fc.assert(fc.property(texts, (text) => (parseIp(text) !== undefined) === (isIP(text) !== 0)));
  });

  it('reads back what formatIp writes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        expect(parseIp(formatIp(bytes))).to.deep.equal(bytes);
      }),
    );
  });
});

describe('isLoopbackIp and isDialableIp', () => {
  const check = (text: string, is: (bytes: Uint8Array) => boolean): boolean => is(parseIp(text) ?? new Uint8Array(16));

  it('knows this machine', () => {
    expect(['127.0.0.1', '127.9.8.7', '::1'].every((text) => check(text, isLoopbackIp))).to.equal(true);
    expect(['10.0.0.1', '::2', '1::1'].some((text) => check(text, isLoopbackIp))).to.equal(false);
  });

  it('knows what cannot be dialled', () => {
    const never = ['0.0.0.0', '0.1.2.3', '224.0.0.1', '239.255.255.255', '255.255.255.255', '::', 'ff02::1'];
    expect(never.some((text) => check(text, isDialableIp))).to.equal(false);
    expect(['10.0.0.1', '240.0.0.1', '::1', 'fe80::1'].every((text) => check(text, isDialableIp))).to.equal(true);
  });
});
