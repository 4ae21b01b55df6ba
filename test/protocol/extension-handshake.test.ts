import { expect } from 'chai';
import fc from 'fast-check';
import { ProtocolError } from '../../src/errors.js';
import { encodeBencode, type BencodeInput } from '../../src/metainfo/bencode.js';
import { decodeExtensionHandshake, encodeExtensionHandshake } from '../../src/protocol/extension-handshake.js';
import { MAX_EXTENSION_HANDSHAKE_BYTES } from '../../src/protocol/limits.js';

const NOTHING = {
  messages: new Map(),
  client: '',
  requestQueue: 250,
  uploadOnly: false,
  listenPort: undefined,
  extraPorts: [],
  yourIp: undefined,
  metadataSize: undefined,
};

describe('encodeExtensionHandshake', () => {
  it('is read back as it was told', () => {
    const payload = encodeExtensionHandshake({
      client: 'p2p/0.1.0',
      messages: { ut_metadata: 3, ut_pex: 1 },
      requestQueue: 2_048,
      uploadOnly: true,
      listenPort: 9000,
      extraPorts: [9001, 9002],
      yourIp: Uint8Array.of(10, 0, 0, 7),
      metadataSize: 16_777_216,
    });

    expect(decodeExtensionHandshake(payload)).to.deep.equal({
      messages: new Map([
        ['ut_metadata', 3],
        ['ut_pex', 1],
      ]),
      client: 'p2p/0.1.0',
      requestQueue: 2_048,
      uploadOnly: true,
      listenPort: 9000,
      extraPorts: [9001, 9002],
      yourIp: Uint8Array.of(10, 0, 0, 7),
      metadataSize: 16_777_216,
    });
  });

  it('leaves out what is not told, and has sorted keys', () => {
    const payload = encodeExtensionHandshake({ client: 'p', messages: {}, requestQueue: 1, uploadOnly: false });

    expect(Buffer.from(payload).toString()).to.equal('d1:mde4:reqqi1e11:upload_onlyi0e1:v1:pe');
  });
});

describe('decodeExtensionHandshake', () => {
  it('takes an empty dictionary', () => {
    expect(told({})).to.deep.equal(NOTHING);
  });

  it('takes keys of the wrong type as absent', () => {
    const payload = { m: 1, v: 2, p: 'x', reqq: [], upload_only: 'yes', yourip: 4, metadata_size: 'x', p2p_ports: 5 };

    expect(told(payload)).to.deep.equal(NOTHING);
  });

  it('passes over bytes behind the dictionary', () => {
    expect(decodeExtensionHandshake(Buffer.from('de123'))).to.deep.equal(NOTHING);
  });

  for (const [reqq, requestQueue] of [
    [-5, 1],
    [0, 1],
    [1, 1],
    [65_535, 65_535],
    [65_536, 65_535],
    [9_007_199_254_740_991, 65_535],
  ] as const) {
    it(`takes reqq ${reqq} as ${requestQueue}`, () => {
      expect(told({ reqq }).requestQueue).to.equal(requestQueue);
    });
  }

  for (const [p, listenPort] of [
    [-1, undefined],
    [0, undefined],
    [1, 1],
    [65_535, 65_535],
    [65_536, undefined],
  ] as const) {
    it(`takes port ${p} as ${listenPort}`, () => {
      expect(told({ p }).listenPort).to.equal(listenPort);
    });
  }

  for (const [size, metadataSize] of [
    [-1, undefined],
    [0, undefined],
    [16_777_216, 16_777_216],
    [16_777_217, undefined],
    [2_200_000_000, undefined],
  ] as const) {
    it(`takes metadata_size ${size} as ${metadataSize}`, () => {
      expect(told({ metadata_size: size }).metadataSize).to.equal(metadataSize);
    });
  }

  it('takes message ids from 1 to 255, at most 64 of them', () => {
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`x${at}`, at + 1]));

    expect([...told({ m: { a: -1, b: 0, c: 1, d: 255, e: 256, f: 'x' } }).messages]).to.deep.equal([
      ['c', 1],
      ['d', 255],
    ]);
    expect(told({ m: many }).messages.size).to.equal(64);
  });

  it('takes at most 64 further ports, each once', () => {
    const ports = Array.from({ length: 65 }, (_, at) => 9_000 + at);

    expect(told({ p2p_ports: ports }).extraPorts).to.deep.equal(ports.slice(0, 64));
    expect(told({ p2p_ports: [9_001, 9_001, 0, 'x', 70_000] }).extraPorts).to.deep.equal([9_001]);
  });

  for (const [v, client] of [
    ['aria2/1.36.0', 'aria2/1.36.0'],
    ['µTorrent 3.5.5', 'µTorrent 3.5.5'],
    ['\x1b[2Jgone', '\\x1b[2Jgone'],
    ['evil\u202etxt', 'evil\\u202etxt'],
    ['  padded ', 'padded'],
    ['x'.repeat(65), 'x'.repeat(64)],
    ['\x1b'.repeat(64), '\\x1b'.repeat(16)],
    ['🐧'.repeat(65), '🐧'.repeat(64)],
  ] as const) {
    it(`shows the client ${JSON.stringify(v)} as ${client}`, () => {
      expect(told({ v }).client).to.equal(client);
    });
  }

  it('keeps what an earlier handshake told where a later one is silent', () => {
    const before = told({
      m: { ut_pex: 1 },
      v: 'x',
      reqq: 500,
      upload_only: 1,
      p: 9000,
      p2p_ports: [9001],
      yourip: 'abcd',
    });

    expect(decodeExtensionHandshake(Buffer.from('de'), before)).to.deep.equal(before);
    expect(decodeExtensionHandshake(encodeBencode({ upload_only: 0 }), before)).to.deep.equal({
      ...before,
      uploadOnly: false,
    });
  });

  it('adds extensions to those told before, and takes back those with id 0', () => {
    const before = told({ m: { ut_pex: 1, ut_metadata: 2 } });

    const later = decodeExtensionHandshake(encodeBencode({ m: { ut_pex: 0, lt_donthave: 7 } }), before);

    expect([...later.messages]).to.deep.equal([
      ['ut_metadata', 2],
      ['lt_donthave', 7],
    ]);
  });

  it('takes addresses of 4 and 16 bytes only', () => {
    for (const length of [0, 3, 4, 5, 15, 16, 17]) {
      const expected = length === 4 || length === 16 ? new Uint8Array(length) : undefined;

      expect(told({ yourip: new Uint8Array(length) }).yourIp).to.deep.equal(expected);
    }
  });

  for (const [what, text] of [
    ['a list', 'le'],
    ['a number', 'i1e'],
    ['a dictionary that is cut', 'd1:v'],
    ['nothing', ''],
    ['twenty thousand lists', 'l'.repeat(20_000)],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => decodeExtensionHandshake(Buffer.from(text))).to.throw(ProtocolError, 'extension handshake');
    });
  }

  it('refuses one byte more than 64 KiB', () => {
    const payload = (length: number) => encodeBencode({ v: new Uint8Array(length) });
    const overhead = payload(65_000).length - 65_000;
    const largest = payload(MAX_EXTENSION_HANDSHAKE_BYTES - overhead);

    expect(largest).to.have.length(MAX_EXTENSION_HANDSHAKE_BYTES);
    expect(decodeExtensionHandshake(largest).client).to.have.length(64);
    expect(() => decodeExtensionHandshake(payload(MAX_EXTENSION_HANDSHAKE_BYTES - overhead + 1))).to.throw(
      ProtocolError,
      '65537',
    );
  });

  it('gives a handshake or a ProtocolError for any bytes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), anyBencodeLike()), (payload) => {
        try {
          expect(decodeExtensionHandshake(payload).requestQueue).to.be.within(1, 65_535);
        } catch (error) {
          expect(error).to.be.instanceOf(ProtocolError);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

function told(payload: Record<string, BencodeInput>) {
  return decodeExtensionHandshake(encodeBencode(payload));
}

function anyBencodeLike(): fc.Arbitrary<Uint8Array> {
  const tokens = [
    'd',
    'l',
    'e',
    'i1e',
    'i-7e',
    '1:m',
    '1:v',
    '4:reqq',
    '1:p',
    '9:p2p_ports',
    '6:yourip',
    '4:aaaa',
    '0:',
  ];
  return fc.array(fc.constantFrom(...tokens), { maxLength: 14 }).map((parts) => Buffer.from(`d${parts.join('')}e`));
}
