/**
 * What a link does that has nothing left to pick, while others still have work that it could do:
 *
 * - *take over* pieces that wait in the queue of a slower link, no block of them asked for yet, so that both end at the
 *   same time;
 * - *help* with the one piece that a slow link is in the middle of: the helper fetches its blocks from the last
 *   backwards until the two meet. Blocks are fetched twice at most at the meeting. Nothing is taken from the owner: a
 *   block may be on its way for seconds, and two links that took it from each other would go on for ever.
 *
 * Nothing is done when the owner would be finished within about a round trip of the idle link: that would be in vain.
 */
import { BLOCK_LENGTH, type PieceIndex, type PieceLayout } from '../metainfo/piece-layout.js';
import type { Assignment } from './swarm-link.js';

const LEAST_GAIN_MS = 100;
const MOST_HELPERS = 2;
const MUCH_SLOWER = 4;
/** When the owner was silent for so long, or for four round trips if that is longer, even a lone block is asked for twice. */
const HICCUP_MS = 1_000;
/** An owner that was silent for so long is taken for dead: all of its queue is taken over. */
const STALLED_MS = 5_000;
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

export type Rescue<Link> =
  | { readonly type: 'take-over'; readonly owner: Link; readonly pieceIndices: readonly PieceIndex[] }
  | { readonly type: 'help'; readonly owner: Link; readonly pieceIndex: PieceIndex };

export interface RescueQuestion<Link> {
  readonly idle: Link;
  readonly links: Iterable<Link>;
  readonly layout: PieceLayout;
  /** How many help with this piece already; Infinity forbids help. */
  readonly helpersOf: (pieceIndex: PieceIndex) => number;
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
  const from = firstUntouched(owner, queued);
  let budget = shareOf(question.idle, owner, nowMs);
  const taken: PieceIndex[] = [];
  for (let at = queued.length - 1; at >= from && budget > 0; at -= 1) {
    const [pieceIndex, assignment] = queued[at] ?? [];
    if (pieceIndex === undefined || !assignment || !question.idle.pieces?.has(pieceIndex)) continue;
    taken.push(pieceIndex);
    budget -= assignment.sizeBytes;
  }
  return taken.length > 0 ? { type: 'take-over', owner, pieceIndices: taken } : undefined;
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
  const mostHelpers = mostHelpersOf(question.idle, owner, nowMs);
  for (const [pieceIndex, assignment] of owner.assigned) {
    if (assignment.isReleasing || !question.idle.pieces?.has(pieceIndex)) continue;
    if (question.layout.blockCount(pieceIndex) < 2 && !isSilent(owner)) continue;
    if (question.helpersOf(pieceIndex) >= mostHelpers) continue;
    return { type: 'help', owner, pieceIndex };
  }
  return undefined;
}

/**
 * When all blocks are under way already, a helper can only fetch them twice: that is worth it when the owner would take
 * several times as long.
 */
function mostHelpersOf(idle: EndgameLink, owner: EndgameLink, nowMs: number): number {
  const remainingBytes = owner.remainingBytes(nowMs);
  if (remainingBytes - owner.measure.inFlightBytes >= BLOCK_LENGTH) return MOST_HELPERS;
  if (idle.downBytesPerSec <= 0) return isSilent(owner) ? 1 : 0;
  const helperMs = idle.roundTripMs + (remainingBytes / idle.downBytesPerSec) * 1000;
  return finishTimeMs(owner, nowMs) > MUCH_SLOWER * helperMs ? 1 : 0;
}

function isSilent(owner: EndgameLink): boolean {
  return owner.measure.stalledMs >= Math.max(HICCUP_MS, 4 * owner.roundTripMs);
}
