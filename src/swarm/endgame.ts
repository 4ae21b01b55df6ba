/**
 * What a link does that has nothing left to pick, while others still have work that it could do:
 *
 * - *take over* pieces that wait in the queue of a slower link, no block of them asked for yet, so that both end at the
 *   same time;
 * - *help* with the one piece that a slow link is in the middle of: the helper fetches the blocks that nobody was asked
 *   for yet, from the last backwards, until the two meet;
 * - when nothing is left to help with, take over also what was asked for already, from a link that fell silent or that
 *   would take several times as long. Blocks on their way are lost, so each time that happens to a piece, twice as much
 *   is asked of the next time: two links that took a slow block from each other would go on for ever.
 *
 * Nothing is done when the owner would be finished within about a round trip of the idle link: that would be in vain.
 */
import { BLOCK_LENGTH, type PieceIndex, type PieceLayout } from '../metainfo/piece-layout.js';
import type { Assignment } from './swarm-link.js';

const LEAST_GAIN_MS = 100;
const MOST_HELPERS = 2;
/** An owner is silent after this time, or after four round trips if that is longer. */
const SILENT_MS = 3_000;
/** An owner that was silent for so long is taken for dead: all of its queue is taken over. */
const STALLED_MS = 5_000;
/** How many times as long an owner must need to lose what was asked of it. */
const OUTPACED_FACTOR = 4;
/** No measure came yet: nothing is known of the owner's speed. */
const UNKNOWN_FOR_MS = 300;

/** What the decision needs of a link. */
export interface EndgameLink {
  readonly downBytesPerSec: number;
  readonly roundTripMs: number;
  readonly measure: { readonly stalledMs: number; readonly inFlightBytes: number };
  readonly startMs: number | undefined;
  readonly pieces: { has(pieceIndex: number): boolean } | undefined;
  readonly assigned: ReadonlyMap<PieceIndex, Assignment>;
  remainingBytes(nowMs: number): number;
}

/** What the decision needs to know of a piece that is assigned. */
export interface EndgamePiece {
  readonly helpers: number;
  /** All its blocks are there or under way, as a helper found out. */
  readonly isExhausted: boolean;
  /** How often it was taken over though blocks were asked for. */
  readonly takenOver: number;
  /** It must come from one peer alone. */
  readonly isLonely: boolean;
}

export type Rescue<Link> =
  | {
      readonly type: 'take-over';
      readonly owner: Link;
      readonly pieceIndices: readonly PieceIndex[];
      /** Of these, the ones of which blocks were asked for. */
      readonly touched: readonly PieceIndex[];
    }
  | { readonly type: 'help'; readonly owner: Link; readonly pieceIndex: PieceIndex };

export interface RescueQuestion<Link> {
  readonly idle: Link;
  readonly links: Iterable<Link>;
  readonly layout: PieceLayout;
  /** Nobody has anything left to pick: only then may blocks come twice. */
  readonly isEndgame: boolean;
  /** Whether the idle link can fetch single blocks from the back. A web seed cannot: it takes the whole piece over. */
  readonly canHelp: boolean;
  readonly pieceOf: (pieceIndex: PieceIndex) => EndgamePiece;
}

/** The best use of an idle link, the owner that takes longest first; undefined when nothing is worth it. */
export function planRescue<Link extends EndgameLink>(
  question: RescueQuestion<Link>,
  nowMs: number,
): Rescue<Link> | undefined {
  const { idle } = question;
  const leastGainMs = Math.max(LEAST_GAIN_MS, 2 * idle.roundTripMs);
  const owners: { readonly owner: Link; readonly finishMs: number }[] = [];
  for (const owner of question.links) {
    if (owner === idle || owner.assigned.size === 0) continue;
    const finishMs = finishTimeMs(owner, nowMs);
    if (finishMs > leastGainMs) owners.push({ owner, finishMs });
  }
  owners.sort((a, b) => (a.finishMs === b.finishMs ? 0 : b.finishMs - a.finishMs));
  for (const { owner } of owners) {
    const rescue = takeOver(question, owner, nowMs) ?? help(question, owner, nowMs);
    if (rescue) return rescue;
  }
  return undefined;
}

/** How long the owner still needs for what it holds. */
function finishTimeMs(owner: EndgameLink, nowMs: number): number {
  const isMeasured = owner.startMs !== undefined && nowMs - owner.startMs >= UNKNOWN_FOR_MS;
  if (!isMeasured) return 0;
  if (owner.downBytesPerSec <= 0 || owner.measure.stalledMs >= STALLED_MS) return Infinity;
  return (owner.remainingBytes(nowMs) / owner.downBytesPerSec) * 1000;
}

function takeOver<Link extends EndgameLink>(
  question: RescueQuestion<Link>,
  owner: Link,
  nowMs: number,
): Rescue<Link> | undefined {
  const queued = [...owner.assigned].filter(([, assignment]) => !assignment.isReleasing);
  const untouchedFrom = firstUntouched(owner, queued);
  let budget = shareOf(question.idle, owner, nowMs);
  const pieceIndices: PieceIndex[] = [];
  const touched: PieceIndex[] = [];
  for (let at = queued.length - 1; at >= 0 && budget > 0; at -= 1) {
    const [pieceIndex, assignment] = queued[at] ?? [];
    if (pieceIndex === undefined || !assignment || !question.idle.pieces?.has(pieceIndex)) continue;
    if (at < untouchedFrom) {
      if (!mayTakeTouched(question, owner, pieceIndex, nowMs)) continue;
      touched.push(pieceIndex);
    }
    pieceIndices.push(pieceIndex);
    budget -= assignment.sizeBytes;
  }
  return pieceIndices.length > 0 ? { type: 'take-over', owner, pieceIndices, touched } : undefined;
}

/** The first piece of the queue that no block was asked for yet, as far as can be told. */
function firstUntouched(owner: EndgameLink, queued: readonly (readonly [PieceIndex, Assignment])[]): number {
  let touchedBytes = owner.measure.inFlightBytes;
  let at = 0;
  while (at < queued.length && (at === 0 || touchedBytes > 0)) {
    touchedBytes -= queued[at]?.[1].sizeBytes ?? 0;
    at += 1;
  }
  return at;
}

function mayTakeTouched(
  question: RescueQuestion<EndgameLink>,
  owner: EndgameLink,
  pieceIndex: PieceIndex,
  nowMs: number,
): boolean {
  const { idle } = question;
  const { isExhausted, takenOver } = question.pieceOf(pieceIndex);
  const patience = 2 ** takenOver;
  if (owner.measure.stalledMs >= patience * Math.max(SILENT_MS, 4 * owner.roundTripMs)) return true;
  if (!question.isEndgame || idle.downBytesPerSec <= 0) return false;
  if (question.canHelp && !isExhausted && hasBlocksToAsk(owner, nowMs)) return false;
  const inFlightBytes = question.canHelp ? owner.measure.inFlightBytes : owner.remainingBytes(nowMs);
  const ownerMs = (inFlightBytes / Math.max(owner.downBytesPerSec, 1)) * 1000;
  const idleMs = idle.roundTripMs + (inFlightBytes / idle.downBytesPerSec) * 1000;
  return ownerMs > LEAST_GAIN_MS + patience * OUTPACED_FACTOR * idleMs;
}

/** Whether the owner holds blocks that nobody was asked for yet. */
function hasBlocksToAsk(owner: EndgameLink, nowMs: number): boolean {
  return owner.remainingBytes(nowMs) - owner.measure.inFlightBytes >= BLOCK_LENGTH;
}

/** Bytes that the idle link should take, so that both end together. */
function shareOf(idle: EndgameLink, owner: EndgameLink, nowMs: number): number {
  if (owner.measure.stalledMs >= STALLED_MS) return Infinity;
  const ownerRate = owner.downBytesPerSec;
  const idleRate = idle.downBytesPerSec > 0 ? idle.downBytesPerSec : Math.max(ownerRate, 1);
  return (owner.remainingBytes(nowMs) * idleRate) / (idleRate + ownerRate);
}

function help<Link extends EndgameLink>(
  question: RescueQuestion<Link>,
  owner: Link,
  nowMs: number,
): Rescue<Link> | undefined {
  if (!question.canHelp || !question.isEndgame || !hasBlocksToAsk(owner, nowMs)) return undefined;
  for (const [pieceIndex, assignment] of owner.assigned) {
    if (assignment.isReleasing || !question.idle.pieces?.has(pieceIndex)) continue;
    if (question.layout.blockCount(pieceIndex) < 2) continue;
    const { helpers, isExhausted, isLonely } = question.pieceOf(pieceIndex);
    if (!isLonely && !isExhausted && helpers < MOST_HELPERS) return { type: 'help', owner, pieceIndex };
  }
  return undefined;
}
