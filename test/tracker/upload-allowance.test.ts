import { expect } from 'chai';
import { parseIp } from '../../src/protocol/ip-address.js';
import { UploadAllowance } from '../../src/tracker/upload-allowance.js';

function ip(text: string): Uint8Array {
  return parseIp(text) ?? new Uint8Array(16);
}

function anAllowance(maxAddresses = 100): UploadAllowance {
  return new UploadAllowance({ burst: 3, refillMs: 1000, maxAtOnce: 2, maxAddresses });
}

describe('UploadAllowance', () => {
  const upload = (allowance: UploadAllowance, from: string, nowMs: number): boolean => {
    const isAllowed = allowance.begin(ip(from), nowMs);
    if (isAllowed) allowance.end(ip(from));
    return isAllowed;
  };

  it('allows a burst, then one at a time', () => {
    const allowance = anAllowance();
    const first = [0, 0, 0, 0].map((nowMs) => upload(allowance, '192.0.2.1', nowMs));

    expect(first).to.deep.equal([true, true, true, false]);
    expect(upload(allowance, '192.0.2.1', 999)).to.equal(false);
    expect(upload(allowance, '192.0.2.1', 1000)).to.equal(true);
    expect(upload(allowance, '192.0.2.1', 1000)).to.equal(false);
  });

  it('counts each address alone, but a whole /64 as one', () => {
    const allowance = anAllowance();
    for (const host of [1, 2, 3]) expect(upload(allowance, `2001:db8::${host}`, 0)).to.equal(true);

    expect(upload(allowance, '2001:db8::4', 0)).to.equal(false);
    expect(upload(allowance, '2001:db8:0:1::4', 0)).to.equal(true);
    expect(upload(allowance, '192.0.2.1', 0)).to.equal(true);
  });

  it('allows only some at once', () => {
    const allowance = anAllowance();
    const from = ip('192.0.2.1');
    expect([allowance.begin(from, 0), allowance.begin(from, 0), allowance.begin(from, 0)]).to.deep.equal([
      true,
      true,
      false,
    ]);
    allowance.end(from);
    expect(allowance.begin(from, 0)).to.equal(true);
  });

  it('remembers a bounded number of addresses, the latest', () => {
    const allowance = anAllowance(2);
    for (const nowMs of [0, 0, 0]) upload(allowance, '192.0.2.1', nowMs);
    upload(allowance, '192.0.2.2', 0);
    expect(upload(allowance, '192.0.2.1', 0)).to.equal(false);

    upload(allowance, '192.0.2.3', 0);
    upload(allowance, '192.0.2.4', 0);

    expect(upload(allowance, '192.0.2.1', 0)).to.equal(true);
  });
});
