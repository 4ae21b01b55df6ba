import { expect } from 'chai';
import fc from 'fast-check';
import { InvariantError, ProtocolError } from '../../src/errors.js';
import { MAX_BITFIELD_BYTES, MAX_MESSAGE_BYTES, MAX_SERVED_BLOCK_BYTES } from '../../src/protocol/limits.js';
import { MessageDecoder, type MessageDecoderOptions } from '../../src/protocol/message-decoder.js';
import {
  encodeBitfield,
  encodeExtended,
  encodeHaves,
  encodeMessage,
  encodePiece,
  encodeRanges,
  encodeSignal,
  type SendableMessage,
} from '../../src/protocol/message-encoder.js';
import type { WireMessage } from '../../src/protocol/messages.js';
import { concat, decodeNaively, encodeNaively, type NaiveResult, type WholeMessage } from '../helpers/naive-wire.js';

const PIECE_COUNT = 20;
const LIMITS = { pieceCount: PIECE_COUNT, maxExtendedBytes: 300 };

describe('MessageDecoder', () => {
  it('gives what the slow twin gives, for any messages and any chunk borders', () => {
    fc.assert(
      fc.property(fc.array(anyMessage(), { maxLength: 12 }), anyCuts(), (messages, cuts) => {
        const bytes = concat(messages.map(encodeNaively));

        const fast = decodeInChunks(bytes, cuts, LIMITS);

        expect(fast).to.deep.equal({ messages, broken: false });
        expect(decodeNaively(bytes, LIMITS)).to.deep.equal(fast);
      }),
      { numRuns: 500 },
    );
  });

  it('gives what the slow twin gives for garbage, or refuses where that does', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), anyCuts(), (bytes, cuts) => {
        expectTwins(bytes, cuts);
      }),
      { numRuns: 1_000 },
    );
  });

  it('gives what the slow twin gives for lengths and ids around the limits', () => {
    fc.assert(
      fc.property(fc.array(anyRawMessage(), { maxLength: 5 }), anyCuts(), (raw, cuts) => {
        expectTwins(concat(raw), cuts);
      }),
      { numRuns: 1_000 },
    );
  });

  it('gives whole messages with every byte in a chunk of its own', () => {
    const messages: WholeMessage[] = [
      { type: 'request', pieceIndex: 3, blockOffset: 16_384, lengthBytes: 16_384 },
      { type: 'piece', pieceIndex: 1, blockOffset: 0, block: Uint8Array.of(1, 2, 3) },
      { type: 'bitfield', bits: Uint8Array.of(0xff, 0, 0xf0) },
      { type: 'keep-alive' },
      { type: 'unknown', id: 21, lengthBytes: 5 },
      { type: 'have-all' },
    ];
    const decoded = decodeInChunks(concat(messages.map(encodeNaively)), [1], LIMITS);

    expect(decoded.messages).to.deep.equal(messages);
  });

  it('reads a chunk that is a slice of a larger buffer', () => {
    const memory = Buffer.concat([Buffer.from('before'), encodeHaves([7]), Buffer.from('behind')]);
    const decoder = aDecoder();

    decoder.push(memory.subarray(6, 15));

    expect(drain(decoder)).to.deep.equal([{ type: 'have', pieceIndex: 7 }]);
  });

  it('hands out blocks as views into the chunk', () => {
    const chunk = encodePiece(2, 0, Uint8Array.of(5, 6, 7));
    const decoder = aDecoder();

    decoder.push(chunk);
    const [fragment] = drain(decoder);

    expect(fragment?.type === 'piece' && fragment.fragment.buffer === chunk.buffer).to.equal(true);
  });

  it('lets the caller keep bitfields and extended messages although the chunk is used again', () => {
    const chunk = Buffer.from(concat([encodeBitfield(Uint8Array.of(1, 2, 0x30)), encodeExtended(0, Uint8Array.of(9))]));
    const decoder = aDecoder();

    decoder.push(chunk);
    const kept = drain(decoder);
    chunk.fill(0xee);

    expect(kept).to.deep.equal([
      { type: 'bitfield', bits: Uint8Array.of(1, 2, 0x30) },
      { type: 'extended', extensionId: 0, payload: Uint8Array.of(9) },
    ]);
  });

  it('gathers a long extended message from chunks of any size', () => {
    const payload = Uint8Array.from({ length: 70_000 }, (_, at) => at % 251);
    const bytes = encodeExtended(3, payload);
    for (const size of [1, 7, 4_096, 65_536, 69_999]) {
      const decoded = decodeInChunks(bytes, [size], { pieceCount: 1, maxExtendedBytes: 70_000 });

      expect(decoded.messages).to.deep.equal([{ type: 'extended', extensionId: 3, payload }]);
    }
  });

  it('numbers the fragments of a block that two borders cut', () => {
    const bytes = encodePiece(4, 32_768, Uint8Array.of(0, 1, 2, 3, 4, 5));
    const decoder = aDecoder();
    const seen: string[] = [];

    for (const chunk of [bytes.subarray(0, 15), bytes.subarray(15, 16), bytes.subarray(16)]) {
      decoder.push(chunk);
      for (const message of drain(decoder)) {
        if (message.type === 'piece') seen.push(`${message.fragmentOffset}+${message.fragment.length}`);
      }
    }

    expect(seen).to.deep.equal(['0+2', '2+1', '3+3']);
  });

  it('takes an empty bitfield for a torrent without pieces', () => {
    const decoder = aDecoder({ pieceCount: 0 });

    decoder.push(encodeBitfield(new Uint8Array(0)));

    expect(drain(decoder)).to.deep.equal([{ type: 'bitfield', bits: new Uint8Array(0) }]);
  });

  it('takes a bitfield of any allowed length while the number of pieces is unknown', () => {
    const decoder = aDecoder({ pieceCount: undefined });

    decoder.push(encodeBitfield(new Uint8Array(MAX_BITFIELD_BYTES)));

    expect(drain(decoder)).to.have.length(1);
  });

  it('reports an unknown message at once and passes over it', () => {
    const decoder = aDecoder();

    decoder.push(concat([header(70_001, 0x15), new Uint8Array(40_000)]));
    const first = drain(decoder);
    decoder.push(concat([new Uint8Array(30_000), encodeSignal('choke')]));

    expect(first).to.deep.equal([{ type: 'unknown', id: 0x15, lengthBytes: 70_000 }]);
    expect(drain(decoder)).to.deep.equal([{ type: 'choke' }]);
  });

  it('takes the largest block', () => {
    const decoder = aDecoder();

    decoder.push(header(MAX_SERVED_BLOCK_BYTES + 9, 7, new Uint8Array(9)));

    expect(drain(decoder)).to.have.length(1);
  });

  const refused: [string, Uint8Array, string, Partial<MessageDecoderOptions>?][] = [
    ['a message longer than any', header(MAX_MESSAGE_BYTES + 1, 0), 'message of 1048579 bytes exceeds 1048578'],
    [
      'a message of 4 GiB, at its fourth byte',
      Uint8Array.of(255, 255, 255, 255),
      'message of 4294967295 bytes exceeds',
    ],
    ['a block one byte too long', header(MAX_SERVED_BLOCK_BYTES + 10, 7), 'block of 131073 bytes exceeds 131072'],
    ['an empty block', header(9, 7), 'piece message of 9 bytes, at least 10'],
    ['a piece message without its fields', header(1, 7), 'piece message of 1 bytes, at least 10'],
    ['a bitfield one byte too long', header(1 + 4, 5), 'bitfield of 4 bytes, must be 3'],
    ['a bitfield one byte too short', header(1 + 2, 5), 'bitfield of 2 bytes, must be 3'],
    [
      'a bitfield over the limit while the number of pieces is unknown',
      header(1 + MAX_BITFIELD_BYTES + 1, 5),
      'bitfield of 131073 bytes exceeds 131072',
      { pieceCount: undefined },
    ],
    ['an extended message one byte too long', header(2 + 301, 20), 'extended message of 301 bytes exceeds 300'],
    ['an extended message without its id', header(1, 20), 'extended message of 1 bytes, at least 2'],
    ['an unknown message one byte too long', header(1_048_577, 21), 'message 21 of 1048577 bytes exceeds 1048576'],
    ['a choke with a field', header(2, 0), 'message 0 of 2 bytes, must be 1'],
    ['a have without its field', header(1, 4), 'message 4 of 1 bytes, must be 5'],
    ['a request one byte too short', header(12, 6), 'message 6 of 12 bytes, must be 13'],
    ['a cancel one byte too long', header(14, 8), 'message 8 of 14 bytes, must be 13'],
    ['a port one byte too long', header(4, 9), 'message 9 of 4 bytes, must be 3'],
    ['a have-all with a field', header(5, 14), 'message 14 of 5 bytes, must be 1'],
    ['a reject one byte too short', header(12, 16), 'message 16 of 12 bytes, must be 13'],
  ];
  for (const [what, bytes, message, options] of refused) {
    it(`refuses ${what}`, () => {
      const decoder = aDecoder(options);

      decoder.push(bytes);

      expect(() => decoder.next()).to.throw(ProtocolError, message);
    });
  }

  it('refuses again after it refused', () => {
    const decoder = aDecoder();
    decoder.push(header(2, 0));

    expect(() => decoder.next()).to.throw(ProtocolError);
    expect(() => decoder.next()).to.throw(ProtocolError);
  });

  it('gives what came before the message that it refuses', () => {
    const decoder = aDecoder();

    decoder.push(concat([encodeHaves([1]), header(2, 0)]));

    expect(decoder.next()).to.deep.equal({ type: 'have', pieceIndex: 1 });
    expect(() => decoder.next()).to.throw(ProtocolError);
  });

  it('says so when the last chunk was not used up', () => {
    const decoder = aDecoder();
    decoder.push(encodeHaves([1, 2]));
    decoder.next();

    expect(() => decoder.push(encodeHaves([3]))).to.throw(InvariantError, '9 bytes');
  });
});

describe('message encoder', () => {
  it('gives the bytes of the slow twin for any message', () => {
    fc.assert(
      fc.property(anyMessage(), (message) => {
        if (message.type === 'unknown') return;
        const bytes =
          message.type === 'piece'
            ? encodePiece(message.pieceIndex, message.blockOffset, message.block)
            : encodeMessage(message);

        expect(bytes).to.deep.equal(encodeNaively(message));
      }),
      { numRuns: 500 },
    );
  });

  it('puts many requests into one buffer', () => {
    const ranges = [
      { pieceIndex: 1, blockOffset: 0, lengthBytes: 16_384 },
      { pieceIndex: 4_294_967_295, blockOffset: 16_384, lengthBytes: 5 },
    ];

    const single = ranges.map((range) => encodeNaively({ type: 'request', ...range }));

    expect(encodeRanges('request', ranges)).to.deep.equal(concat(single));
  });

  it('puts many haves into one buffer', () => {
    const single = [0, 7, 19].map((pieceIndex) => encodeNaively({ type: 'have', pieceIndex }));

    expect(encodeHaves([0, 7, 19])).to.deep.equal(concat(single));
  });
});

function aDecoder(options: Partial<MessageDecoderOptions> = {}): MessageDecoder {
  return new MessageDecoder({ ...LIMITS, ...options });
}

/** A message that claims `length` bytes. */
function header(length: number, id: number, fields: Uint8Array = new Uint8Array(0)): Uint8Array {
  return concat([Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length, id), fields]);
}

function drain(decoder: MessageDecoder): WireMessage[] {
  const messages: WireMessage[] = [];
  for (let next = decoder.next(); next !== undefined; next = decoder.next()) messages.push(next);
  return messages;
}

function expectTwins(bytes: Uint8Array, cuts: readonly number[]): void {
  expect(decodeInChunks(bytes, cuts, LIMITS)).to.deep.equal(decodeNaively(bytes, LIMITS));
}

/** Feeds `bytes` in chunks of the given sizes, over and over, from one buffer that is overwritten as a socket's would be. */
function decodeInChunks(bytes: Uint8Array, cuts: readonly number[], options: MessageDecoderOptions): NaiveResult {
  const decoder = new MessageDecoder(options);
  const memory = new Uint8Array(Math.max(...cuts));
  const messages: WholeMessage[] = [];
  const parts: Uint8Array[] = [];
  try {
    for (let at = 0, cut = 0; at < bytes.length; cut += 1) {
      const chunk = bytes.subarray(at, at + (cuts[cut % cuts.length] ?? 1));
      memory.set(chunk);
      decoder.push(memory.subarray(0, chunk.length));
      for (const message of drainUntilBroken(decoder, messages, parts)) messages.push(message);
      memory.fill(0xee);
      at += chunk.length;
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { messages, broken: true };
  }
  return { messages, broken: false };
}

function* drainUntilBroken(
  decoder: MessageDecoder,
  messages: readonly WholeMessage[],
  parts: Uint8Array[],
): Generator<WholeMessage> {
  for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
    if (next.type !== 'piece') {
      yield next;
      continue;
    }
    expect(next.fragmentOffset, `fragment after ${messages.length} messages`).to.equal(concat(parts).length);
    expect(next.fragment.length).to.be.greaterThan(0);
    parts.push(next.fragment.slice());
    const block = concat(parts);
    if (block.length < next.lengthBytes) continue;
    parts.length = 0;
    yield { type: 'piece', pieceIndex: next.pieceIndex, blockOffset: next.blockOffset, block };
  }
}

function anyCuts(): fc.Arbitrary<number[]> {
  return fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 400 })), {
    minLength: 1,
    maxLength: 6,
  });
}

function anyUint32(): fc.Arbitrary<number> {
  return fc.oneof(fc.nat(100), fc.integer({ min: 0, max: 4_294_967_295 }));
}

function anyMessage(): fc.Arbitrary<WholeMessage> {
  const range = { pieceIndex: anyUint32(), blockOffset: anyUint32(), lengthBytes: anyUint32() };
  const signals = ['keep-alive', 'choke', 'unchoke', 'interested', 'not-interested', 'have-all', 'have-none'] as const;
  return fc.oneof(
    fc.constantFrom(...signals).map((type): SendableMessage => ({ type })),
    fc.record({ type: fc.constantFrom('have' as const, 'suggest', 'allowed-fast'), pieceIndex: anyUint32() }),
    fc.record({ type: fc.constantFrom('request' as const, 'cancel', 'reject'), ...range }),
    fc.record({ type: fc.constant('port' as const), port: fc.nat(65_535) }),
    fc.record({ type: fc.constant('bitfield' as const), bits: fc.uint8Array({ minLength: 3, maxLength: 3 }) }),
    fc.record({
      type: fc.constant('piece' as const),
      pieceIndex: anyUint32(),
      blockOffset: anyUint32(),
      block: fc.uint8Array({ minLength: 1, maxLength: 300 }),
    }),
    fc.record({
      type: fc.constant('extended' as const),
      extensionId: fc.nat(255),
      payload: fc.uint8Array({ maxLength: 300 }),
    }),
    fc.record({
      type: fc.constant('unknown' as const),
      id: fc.constantFrom(10, 11, 12, 18, 19, 21, 22, 23, 255),
      lengthBytes: fc.nat(100),
    }),
  );
}

/** A claimed length, an id and as many bytes, or fewer, as claimed. */
function anyRawMessage(): fc.Arbitrary<Uint8Array> {
  return fc
    .record({
      length: fc.oneof(fc.nat(16), fc.constantFrom(301, 302, 303, 131_073, 131_081, 131_082, 1_048_576, 1_048_579)),
      id: fc.nat(24),
      body: fc.uint8Array({ maxLength: 20 }),
      exact: fc.boolean(),
    })
    .map(({ length, id, body, exact }) => {
      if (length === 0) return new Uint8Array(4);
      const whole = exact ? concat([body, new Uint8Array(32)]).subarray(0, Math.min(length - 1, 32)) : body;
      return header(length, id, whole).subarray(0, 5 + whole.length);
    });
}
