/**
 * How many verified pieces a second the decisions of one torrent take on the main thread: 128-byte pieces, events in
 * batches of 64.
 */
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { PieceLayout } from '../../src/metainfo/piece-layout.js';
import { Bitfield } from '../../src/protocol/bitfield.js';
import type { PeerId } from '../../src/protocol/peer-address.js';
import { seededRandom } from '../../src/swarm/seeded-random.js';
import type { SwarmAction } from '../../src/swarm/swarm-events.js';
import { Swarm } from '../../src/swarm/swarm.js';
import { Report } from '../shared/report.js';
import { runBenchmark } from '../shared/run-benchmark.js';
import { spread } from '../shared/statistics.js';

const PIECE_COUNT = 200_000;
const PIECE_BYTES = 128;
const BATCH = 64;

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '3' }, help: { type: 'boolean', default: false } },
});

function main(): void {
  const report = new Report({ benchmark: 'simulation', settings: { pieces: PIECE_COUNT, runs: values.runs } });
  report.chart({ name: 'simulation', title: 'Decisions: verified pieces', figure: 'piecesPerSec', unit: 'a second' });
  for (const linkCount of [1, 3, 80]) {
    const rates = Array.from({ length: Number(values.runs) }, () => piecesPerSec(linkCount));
    const name = `${linkCount} link${linkCount === 1 ? '' : 's'}`;
    report.row({ case: name, client: 'p2p', piecesPerSec: spread(rates, 0) });
  }
}

function piecesPerSec(linkCount: number): number {
  const swarm = connectedSwarm(linkCount);
  const start = performance.now();
  let queue = fetches(swarm);
  let verified = 0;
  for (let nowMs = 1; queue.length > 0; nowMs += 1) {
    for (const { linkId, pieceIndex } of queue.splice(0, BATCH)) {
      swarm.handle({ type: 'piece-verified', linkId, pieceIndex }, nowMs);
      verified += 1;
    }
    queue = queue.concat(fetches(swarm));
  }
  if (verified !== PIECE_COUNT) throw new Error(`${verified} pieces, not ${PIECE_COUNT}`);
  return (verified / (performance.now() - start)) * 1_000;
}

function connectedSwarm(linkCount: number): Swarm {
  const swarm = new Swarm(
    {
      layout: new PieceLayout(PIECE_BYTES, [{ lengthBytes: PIECE_COUNT * PIECE_BYTES }]),
      ourPeerId: 'ff'.repeat(20) as PeerId,
      owned: new Bitfield(PIECE_COUNT),
      wantsPieces: true,
      trackerTiers: [],
      superSeeds: false,
      uploadSlots: 8,
      maxLinks: 200,
      random: seededRandom(1),
      nextLinkId: () => 1,
    },
    0,
  );
  for (let linkId = 100; linkId < 100 + linkCount; linkId += 1) {
    const address = { host: '127.0.0.1', port: linkId };
    const peerId = linkId.toString(16).padStart(40, '0') as PeerId;
    swarm.handle({ type: 'link-handshaken', linkId, address, incoming: true, peerId }, 0);
    swarm.handle({ type: 'peer-has', linkId, pieces: 'all' }, 0);
    swarm.handle({ type: 'peer-unchoked', linkId }, 0);
  }
  return swarm;
}

/** Does nothing but note what is to be fetched. */
function fetches(swarm: Swarm): Extract<SwarmAction, { readonly type: 'fetch-piece' }>[] {
  const found: Extract<SwarmAction, { readonly type: 'fetch-piece' }>[] = [];
  for (let action = swarm.poll(); action; action = swarm.poll()) if (action.type === 'fetch-piece') found.push(action);
  return found;
}

await runBenchmark('npm run bench -- simulation [--runs 3]', values.help, main);
