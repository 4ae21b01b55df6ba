/** Lets a whole swarm live in virtual time and tells how it went. The same seed gives the same event log. */
import { PieceLayout } from '../metainfo/piece-layout.js';
import { EventLog } from './event-log.js';
import { SimulatedNetwork, type SimulatedNetworkOptions } from './simulated-network.js';
import { SimulatedPeer, type SimulatedPeerOptions } from './simulated-peer.js';
import { SimulatedTracker } from './simulated-tracker.js';
import { VirtualClock } from './virtual-clock.js';

const DEFAULT_MEASURE_INTERVAL_MS = 250;

export interface SimulationConfig {
  readonly seed: number | string;
  readonly pieceCount: number;
  readonly pieceLengthBytes: number;
  readonly network: Omit<SimulatedNetworkOptions, 'seed'>;
  readonly peers: readonly SimulatedPeerOptions[];
  /** Ends then at the latest; sooner when everybody who wants the file has it. */
  readonly untilMs: number;
  /** Goes on until `untilMs` even when everybody has it. */
  readonly runsOn?: boolean;
  /** Check each swarm's invariants after so many of its batches of events: 1 is after each. Never when left out. */
  readonly checkEvery?: number;
  readonly measureIntervalMs?: number;
}

export interface SimulatedPeerReport {
  readonly host: string;
  readonly completeMs: number | undefined;
  readonly ownedPieces: number;
  /** Copies of the whole content. */
  readonly sentCopies: number;
  readonly receivedCopies: number;
  /** Share of what came that came twice or for nobody. */
  readonly wastedShare: number;
  /** Longest time between two blocks. */
  readonly longestGapMs: number;
  /** Hosts that it banned. */
  readonly banned: readonly string[];
  readonly missingEverywhere: readonly number[];
  readonly availability: number;
}

export interface SimulationReport {
  readonly seed: number | string;
  readonly elapsedMs: number;
  readonly eventCount: number;
  /** Hash over all events and actions with their times. */
  readonly eventLogHash: string;
  /** Peers that want the file and do not have all of it. */
  readonly incomplete: readonly string[];
  readonly peers: readonly SimulatedPeerReport[];
  /** Jain's index of what downloaders received: 1 is even, 1/n is all to one. */
  readonly fairness: number;
}

export function runSimulation(config: SimulationConfig): SimulationReport {
  const clock = new VirtualClock();
  const network = new SimulatedNetwork(clock, { ...config.network, seed: config.seed });
  const layout = new PieceLayout(config.pieceLengthBytes, [
    { lengthBytes: config.pieceCount * config.pieceLengthBytes },
  ]);
  const log = new EventLog();
  let batches = 0;
  const world = {
    clock,
    network,
    layout,
    log,
    tracker: new SimulatedTracker(clock, config.seed),
    seed: config.seed,
    measureIntervalMs: config.measureIntervalMs ?? DEFAULT_MEASURE_INTERVAL_MS,
    check: (swarm: { assertInvariants(): void }): void => {
      batches += 1;
      if (config.checkEvery !== undefined && batches % config.checkEvery === 0) swarm.assertInvariants();
    },
  };
  const peers = config.peers.map((options) => new SimulatedPeer(world, options));
  const wanting = peers.filter((peer) => peer.options.wantsPieces && (peer.options.lieRatio ?? 0) === 0);
  clock.run(config.untilMs, () => config.runsOn !== true && wanting.every((peer) => peer.completeMs !== undefined));

  const received = peers.filter((peer) => peer.options.wantsPieces).map((peer) => peer.receivedBytes);
  return {
    seed: config.seed,
    elapsedMs: clock.nowMs,
    eventCount: log.count,
    eventLogHash: log.hash,
    incomplete: wanting.filter((peer) => peer.completeMs === undefined).map((peer) => peer.options.host),
    peers: peers.map((peer) => reportOf(peer, layout.totalBytes, clock.nowMs)),
    fairness: fairnessOf(received),
  };
}

function reportOf(peer: SimulatedPeer, totalBytes: number, nowMs: number): SimulatedPeerReport {
  const snapshot = peer.swarm?.snapshot(nowMs);
  return {
    host: peer.options.host,
    completeMs: peer.completeMs,
    ownedPieces: peer.owned.count(),
    sentCopies: peer.sentBytes / totalBytes,
    receivedCopies: peer.receivedBytes / totalBytes,
    wastedShare: peer.receivedBytes > 0 ? peer.wastedBytes / peer.receivedBytes : 0,
    longestGapMs: peer.longestGapMs,
    banned: peer.banned,
    missingEverywhere: snapshot?.missingEverywhere ?? [],
    availability: snapshot?.availability ?? 0,
  };
}

function fairnessOf(amounts: readonly number[]): number {
  const sum = amounts.reduce((total, amount) => total + amount, 0);
  const squares = amounts.reduce((total, amount) => total + amount * amount, 0);
  return squares > 0 ? (sum * sum) / (amounts.length * squares) : 1;
}
