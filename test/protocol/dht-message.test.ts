import { expect } from 'chai';
import fc from 'fast-check';

import { fitDhtMessage, isSoundDhtMessage } from '../../src/protocol/dht-message.js';
import { MAX_DHT_DATAGRAM_BYTES } from '../../src/protocol/limits.js';
import { bdecode, bencode, type BencodeInput } from '../helpers/naive-bencode.js';

const ID = Buffer.alloc(20, 1);
const TARGET = Buffer.alloc(20, 2);
const TOKEN = Buffer.alloc(20, 3);
type Fields = Readonly<Record<string, BencodeInput>>;

describe('The guard of the DHT', () => {
  it('lets the messages of BEP 5 pass', () => {
    for (const message of [
      query('ping', {}),
      query('find_node', { target: TARGET }),
      query('get_peers', { info_hash: TARGET, noseed: 1 }),
      query('announce_peer', { info_hash: TARGET, port: 6_881, token: TOKEN, implied_port: 0 }),
      query('announce_peer', { info_hash: TARGET, token: TOKEN, implied_port: 1 }),
      reply({}),
      reply({ nodes: Buffer.alloc(52), token: TOKEN, nodes6: Buffer.alloc(38) }),
      reply({ values: [Buffer.alloc(6), Buffer.alloc(6)], token: TOKEN }),
      bencode({ t: 'aa', y: 'e', e: [201, 'Generic Error'], v: 'LT' }),
    ]) {
      expect(isSoundDhtMessage(message), message.toString('latin1')).to.equal(true);
    }
  });

  it('stops whatever the package would stumble over', () => {
    const soundQuery = { t: 'aa', y: 'q', q: 'ping', a: { id: ID } };
    for (const message of [
      Buffer.from(''),
      Buffer.from('i5e'),
      Buffer.from('l'.repeat(2_000)),
      Buffer.from('d'.repeat(2_000)),
      bencode({ ...soundQuery, t: '' }),
      bencode({ ...soundQuery, t: Buffer.alloc(17) }),
      bencode({ ...soundQuery, t: 5 }),
      bencode({ ...soundQuery, y: { toString: 1 } }),
      bencode({ ...soundQuery, a: 'x' }),
      query('ping', { id: 5 }),
      query('ping', { id: Buffer.alloc(19) }),
      query('find_node', { target: 5 }),
      query('find_node', {}),
      query('get_peers', { info_hash: Buffer.alloc(2) }),
      query('announce_peer', { info_hash: TARGET, port: 6_881, token: 5 }),
      query('announce_peer', { info_hash: TARGET, port: '6881', token: TOKEN }),
      query('announce_peer', { info_hash: TARGET, port: 6_881, token: Buffer.alloc(65) }),
      // BEP 44: arbitrary values are not kept for strangers.
      query('put', { v: 'x', token: TOKEN }),
      query('get', { target: TARGET }),
      reply({ id: 5 }),
      reply({ nodes: Buffer.alloc(27) }),
      reply({ nodes: 5 }),
      reply({ token: 5 }),
      reply({ values: 'x' }),
      reply({ values: [Buffer.alloc(18)] }),
      reply({ values: [5] }),
      bencode({ t: 'aa', y: 'e', e: 'x' }),
      bencode({ t: 'aa', y: 'e', e: [{ toString: 1 }] }),
    ]) {
      expect(isSoundDhtMessage(message), message.subarray(0, 100).toString('latin1')).to.equal(false);
    }
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        isSoundDhtMessage(bytes);
        isSoundDhtMessage(Buffer.concat([Buffer.from('d1:ad2:id20:'), bytes]));
      }),
    );
  });

  it('leaves peers out of an answer that is too large, and sends no other large ones', () => {
    const values = Array.from({ length: 5_000 }, (_, n) => Buffer.from([10, 0, n >> 8, n & 255, 35, 40]));

    const sent = fitDhtMessage(reply({ values, token: TOKEN })) ?? Buffer.alloc(0);

    expect(sent.length).to.be.within(MAX_DHT_DATAGRAM_BYTES - 8, MAX_DHT_DATAGRAM_BYTES);
    expect(isSoundDhtMessage(sent)).to.equal(true);
    const told = (bdecode(Buffer.from(sent)) as Map<string, Map<string, Buffer[]>>).get('r')?.get('values') ?? [];
    expect(told).to.deep.equal(values.slice(0, told.length));
    expect(fitDhtMessage(reply({ nodes: Buffer.alloc(26 * 50) }))).to.equal(undefined);
    const small = reply({ token: TOKEN });
    expect(fitDhtMessage(small)).to.equal(small);
  });
});

function query(name: string, told: Fields): Buffer {
  return bencode({ t: 'aa', y: 'q', q: name, a: { id: ID, ...told } });
}

function reply(told: Fields): Buffer {
  return bencode({ t: 'aa', y: 'r', r: { id: ID, ...told } });
}
