/**
 * How long one pick takes at 100,000 pieces and 200 peers: seeds, peers with half of the pieces, with a fifth each, with
 * few. `node build/benchmarks/swarm/piece-picker.bench.js` prints one JSON line a case.
 */
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import type { PieceIndex } from '../../src/metainfo/piece-layout.js';
import { PiecePicker } from '../../src/swarm/piece-picker.js';
import { PieceSet } from '../../src/swarm/piece-set.js';
import { seededRandom } from '../../src/swarm/seeded-random.js';
import { environment } from '../shared/statistics.js';

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

export function runPiecePickerBenchmark(print: (line: string) => void): void {
  for (const [name, owns] of Object.entries(CASES)) print(JSON.stringify(measure(name, owns)));
}

function measure(name: string, owns: Owns): object {
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
    benchmark: 'piece-picker',
    case: name,
    pickMicrosMedian: round(0.5),
    pickMicrosP99: round(0.99),
    joinMsPerPeer: Number(joinMs.toFixed(2)),
    ...environment(),
  };
}

function aPeer(peer: number, owns: Owns, random: () => number): PieceSet {
  const pieces = new PieceSet(PIECE_COUNT);
  for (let index = 0; index < PIECE_COUNT; index += 1) {
    if (owns(peer, index, random)) pieces.add(index as PieceIndex);
  }
  return pieces;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  runPiecePickerBenchmark((line) => process.stdout.write(`${line}\n`));
}
