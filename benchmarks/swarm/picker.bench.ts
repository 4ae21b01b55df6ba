/**
 * How long one pick takes at 100,000 pieces and 200 peers: seeds, peers with half of the pieces, with a fifth each, with
 * few; and the memory of a swarm of that size.
 */
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { PieceIndex } from '../../src/metainfo/piece-layout.js';
import { PiecePicker } from '../../src/swarm/piece-picker.js';
import { PieceSet } from '../../src/swarm/piece-set.js';
import { seededRandom } from '../../src/swarm/seeded-random.js';
import { PieceLayout } from '../../src/metainfo/piece-layout.js';
import { Bitfield } from '../../src/protocol/bitfield.js';
import type { PeerId } from '../../src/protocol/peer-address.js';
import { Swarm } from '../../src/swarm/swarm.js';
import { Report } from '../shared/report.js';

const HELP = `npm run bench picker

Microseconds a pick: median and 99th percentile of batches of 50. Memory: growth of heap and buffers by a whole swarm, its
ledger, picker and links included.`;

const { values } = parseArgs({ options: { help: { type: 'boolean', default: false } } });

const PIECE_COUNT = 100_000;
const PEER_COUNT = 200;
const PICKS = 40_000;
const BATCH = 50;

type Owns = (peer: number, pieceIndex: number, random: () => number) => boolean;

const CASES: Readonly<Record<string, Owns>> = {
  'all are seeds': () => true,
  'half of the pieces each': (_peer, _piece, random) => random() < 0.5,
  'a fifth each': (peer, pieceIndex) => Math.floor((pieceIndex * 5) / PIECE_COUNT) === peer % 5,
  'most beside few': (peer, _piece, random) => random() < (peer % 2 === 0 ? 0.9 : 0.002),
};

function main(): void {
  const report = new Report({ benchmark: 'picker', settings: { pieces: PIECE_COUNT, peers: PEER_COUNT } });
  const cases = Object.entries(CASES);
  // Memory first: what the picks leave behind would be collected in the middle of it.
  const memory = new Map(cases.map(([name, owns]) => [name, measureMemory(owns)]));
  for (const [name, owns] of cases) {
    report.row({ case: name, client: 'p2p', ...measure(owns), memoryMiB: memory.get(name) });
  }
  report.chart({ name: 'picker', title: 'picker: one pick', figure: 'pickMicrosMedian', unit: 'µs' });
}

function measure(owns: Owns): Record<string, unknown> {
  const random = seededRandom(1);
  const picker = new PiecePicker({ pieceCount: PIECE_COUNT, pieceLengthBytes: 1_048_576, random });
  const peers = Array.from({ length: PEER_COUNT }, (_, peer) => aPeer(peer, owns, random));
  const joinStart = performance.now();
  for (const peer of peers) picker.addPeer(peer);
  for (let index = 0; index < PIECE_COUNT; index += 1) picker.open(index as PieceIndex, false);
  const joinMs = (performance.now() - joinStart) / PEER_COUNT;

  const micros: number[] = [];
  for (let pick = 0; pick < PICKS; pick += BATCH) {
    const start = performance.now();
    for (let at = pick; at < pick + BATCH; at += 1) {
      const pieceIndex = picker.pick(peers[at % PEER_COUNT] ?? new PieceSet(PIECE_COUNT));
      if (pieceIndex !== undefined) picker.close(pieceIndex);
    }
    micros.push(((performance.now() - start) * 1_000) / BATCH);
  }
  micros.sort((a, b) => a - b);
  const round = (share: number): number => Number((micros[Math.floor(share * (micros.length - 1))] ?? NaN).toFixed(2));
  return {
    pickMicrosMedian: round(0.5),
    pickMicrosP99: round(0.99),
    joinMsPerPeer: Number(joinMs.toFixed(2)),
  };
}

function aPeer(peer: number, owns: Owns, random: () => number): PieceSet {
  const pieces = new PieceSet(PIECE_COUNT);
  for (let index = 0; index < PIECE_COUNT; index += 1) {
    if (owns(peer, index, random)) pieces.add(index as PieceIndex);
  }
  return pieces;
}

/** MiB that a swarm of that size needs, after a collection of garbage. */
function measureMemory(owns: Owns): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const random = seededRandom(1);
  const used = (): number => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = used();
  const swarm = aSwarm(owns, random);
  const grownBytes = used() - before;
  if (swarm.snapshot(1).links.length !== PEER_COUNT) throw new Error('not all peers are there');
  return Number((grownBytes / 1024 ** 2).toFixed(1));
}

function aSwarm(owns: Owns, random: () => number): Swarm {
  const swarm = new Swarm(
    {
      layout: new PieceLayout(1_048_576, [{ lengthBytes: PIECE_COUNT * 1_048_576 }]),
      ourPeerId: 'ff'.repeat(20) as PeerId,
      owned: new Bitfield(PIECE_COUNT),
      wantsPieces: true,
      superSeeds: false,
      trackerTiers: [],
      uploadSlots: 8,
      maxLinks: PEER_COUNT,
      random,
      nextLinkId: () => 1,
    },
    0,
  );
  for (let peer = 0; peer < PEER_COUNT; peer += 1) {
    const linkId = 1_000 + peer;
    const address = { host: `10.0.${Math.floor(peer / 100)}.${peer % 100}`, port: 6881 };
    const peerId = linkId.toString(16).padStart(40, '0') as PeerId;
    swarm.handle({ type: 'link-handshaken', linkId, address, incoming: true, peerId }, 0);
    const pieces = new Bitfield(PIECE_COUNT);
    for (let index = 0; index < PIECE_COUNT; index += 1) if (owns(peer, index, random)) pieces.set(index);
    swarm.handle({ type: 'peer-has', linkId, pieces: pieces.isFull() ? 'all' : pieces.bytes }, 0);
    while (swarm.poll());
  }
  return swarm;
}

if (values.help) console.log(HELP);
else main();
