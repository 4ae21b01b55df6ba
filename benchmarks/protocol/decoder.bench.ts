/**
 * How fast the decoder is: 16 KiB blocks and small haves in chunks of 256 KiB, as a socket with a reused buffer delivers
 * them, beside the slow twin.
 */
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { MessageDecoder } from '../../src/protocol/message-decoder.js';
import { encodeHaves, encodePiece, encodeRanges } from '../../src/protocol/message-encoder.js';
import { concat, decodeNaively } from '../../test/helpers/naive-wire.js';
import { Report } from '../shared/report.js';
import { spread } from '../shared/statistics.js';

const HELP = `npm run bench decoder

Messages of the wire from memory, without a network: payload is handed out as views, so that MB/s says little where nothing
is copied out. The slow twin is what the tests compare the decoder with.`;

const { values } = parseArgs({ options: { help: { type: 'boolean', default: false } } });

const CHUNK_BYTES = 262_144;
const BLOCK_BYTES = 16_384;
const RUNS = 7;
const LIMITS = { pieceCount: 1_000, maxExtendedBytes: 65_536 };

interface BenchmarkCase {
  readonly name: string;
  /** What one run decodes, cut at chunk borders as a socket would. */
  readonly bytes: Uint8Array;
  readonly messages: number;
  readonly repeats: number;
  readonly decode: (bytes: Uint8Array) => number;
}

/** Decodes in chunks. @returns messages, where a block counts once */
function decodeFast(bytes: Uint8Array): number {
  const decoder = new MessageDecoder(LIMITS);
  let messages = 0;
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    decoder.push(bytes.subarray(at, at + CHUNK_BYTES));
    for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
      if (next.type !== 'piece' || next.fragmentOffset + next.fragment.length === next.lengthBytes) messages += 1;
    }
  }
  return messages;
}

/** The same with each block copied out, as a worker does. */
function decodeAndCopy(bytes: Uint8Array): number {
  const decoder = new MessageDecoder(LIMITS);
  const block = new Uint8Array(BLOCK_BYTES);
  let messages = 0;
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    decoder.push(bytes.subarray(at, at + CHUNK_BYTES));
    for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
      if (next.type !== 'piece') continue;
      block.set(next.fragment, next.fragmentOffset);
      if (next.fragmentOffset + next.fragment.length === next.lengthBytes) messages += 1;
    }
  }
  return messages;
}

/** The twin needs all bytes at once and copies the rest for each message: it gets a chunk at a time. */
function decodeSlowly(bytes: Uint8Array): number {
  let messages = 0;
  let held: Uint8Array = new Uint8Array(0);
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    held = concat([held, bytes.subarray(at, at + CHUNK_BYTES)]);
    const decoded = decodeNaively(held, LIMITS).messages;
    messages += decoded.length;
    let used = 0;
    for (const message of decoded) used += message.type === 'piece' ? 13 + message.block.length : 9;
    held = held.slice(used);
  }
  return messages;
}

/** Blocks of 16 KiB for 16 MiB. */
function blockStream(): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES).fill(0x5a);
  return concat(Array.from({ length: 1_024 }, (_, at) => encodePiece(at >>> 6, (at & 63) * BLOCK_BYTES, block)));
}

function main(): void {
  const report = new Report({ benchmark: 'decoder', settings: { chunkBytes: CHUNK_BYTES, runs: RUNS } });
  const blocks = blockStream();
  const haves = encodeHaves(Array.from({ length: 300_000 }, (_, at) => at % 1_000));
  const fewHaves = haves.subarray(0, 9 * 1_000);
  const requests = encodeRanges(
    'request',
    Array.from({ length: 150_000 }, (_, at) => ({ pieceIndex: at, blockOffset: 0, lengthBytes: BLOCK_BYTES })),
  );
  const cases: BenchmarkCase[] = [
    { name: 'blocks of 16 KiB', bytes: blocks, messages: 1_024, repeats: 40, decode: decodeFast },
    { name: 'blocks of 16 KiB, copied out', bytes: blocks, messages: 1_024, repeats: 10, decode: decodeAndCopy },
    { name: 'haves', bytes: haves, messages: 300_000, repeats: 1, decode: decodeFast },
    { name: 'requests', bytes: requests, messages: 150_000, repeats: 1, decode: decodeFast },
    { name: 'blocks of 16 KiB, slow twin', bytes: blocks, messages: 1_024, repeats: 1, decode: decodeSlowly },
    { name: 'haves, slow twin', bytes: fewHaves, messages: 1_000, repeats: 1, decode: decodeSlowly },
  ];
  for (const benchmark of cases) report.row({ case: benchmark.name, client: 'p2p', ...measure(benchmark) });
  report.chart({
    ...{ name: 'decoder', title: 'decoder: messages a second', figure: 'messagesPerSec', unit: '' },
    isScaledByCase: true,
  });
}

function measure(benchmark: BenchmarkCase): Record<string, unknown> {
  const seconds: number[] = [];
  for (let run = 0; run < RUNS + 2; run += 1) {
    const start = performance.now();
    for (let repeat = 0; repeat < benchmark.repeats; repeat += 1) {
      const messages = benchmark.decode(benchmark.bytes);
      if (messages !== benchmark.messages) throw new Error(`${messages} messages, not ${benchmark.messages}`);
    }
    // The first two runs warm the compiler up.
    if (run >= 2) seconds.push((performance.now() - start) / 1000);
  }
  const rates = (amount: number): number[] => seconds.map((each) => (amount * benchmark.repeats) / each);
  return {
    messagesPerSec: spread(rates(benchmark.messages), 0),
    mbPerSec: spread(rates(benchmark.bytes.length / 1e6), 0),
  };
}

if (values.help) console.log(HELP);
else main();
