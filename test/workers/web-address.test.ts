import { expect } from 'chai';
import { addressKind, webAddressProblem } from '../../src/workers/web-address.js';

describe('addressKind', () => {
  it('tells the open internet from the own network', () => {
    for (const ip of ['1.1.1.1', '172.32.0.1', '100.128.0.1', '2001:db8::1', '::ffff:8.8.8.8', '::ffff:808:808']) {
      expect(addressKind(ip), ip).to.equal('public');
    }
    for (const ip of [
      '127.0.0.1',
      '127.255.0.9',
      '10.1.2.3',
      '172.31.0.1',
      '192.168.1.5',
      '100.64.0.1',
      '::1',
      'fd00::1',
      '::ffff:7f00:1',
    ]) {
      expect(addressKind(ip), ip).to.equal('local');
    }
  });

  it('knows what is never asked: clouds keep their secrets at a link-local address', () => {
    for (const ip of [
      '169.254.169.254',
      '::ffff:a9fe:a9fe',
      '0.0.0.0',
      '224.0.0.1',
      '255.255.255.255',
      '::',
      'fe80::1',
      'ff02::1',
    ]) {
      expect(addressKind(ip), ip).to.equal('forbidden');
    }
  });
});

describe('webAddressProblem', () => {
  const plain = new URL('http://a/f');
  const query = new URL('http://a/f?do=1');

  it('lets the own network be asked without a query, and not by a redirect from the open internet', () => {
    expect(webAddressProblem(plain, 'local', false)).to.equal(undefined);
    expect(webAddressProblem(query, 'local', false)).to.include('query');
    expect(webAddressProblem(plain, 'local', true)).to.include('redirects');
    expect(webAddressProblem(query, 'public', true)).to.equal(undefined);
    expect(webAddressProblem(plain, 'forbidden', false)).to.include('never');
  });
});
