/**
 * Super-seeding (BEP 16): the only full peer of a crowd shows each piece to one peer alone, so that its line carries every
 * piece once and no two downloaders ask it for the same. They pass the pieces on among themselves; when all have come
 * that far, everything is shown to everybody.
 *
 * Unlike the BEP, the next piece is shown as soon as the peer has asked for what it was shown, not when a third peer has
 * it: peers then never wait for one another, and whoever asks faster is shown more. Of 512 pieces for 8 peers a seeder
 * without it sends 1.09 copies, with it 1.01 to 1.03 (benchmarks/swarm/).
 */
import type { PieceIndex } from '../metainfo/piece-layout.js';
import type { PiecePicker } from './piece-picker.js';
import type { PieceSet } from './piece-set.js';
import { runPieces } from './run-pieces.js';

/** Shown and not asked for yet, at least: the way of a `have` there and of a request back. */
const LEAST_AHEAD_BYTES = 131_072;
const LEAST_AHEAD_PIECES = 2;
/** Shown ahead for so long at the rate that the peer takes; downloaders plan for 0.4 s (supply-target.ts). */
const AHEAD_MS = 750;
/** Before its rate is known, as much as it has asked for. */
const STARTING_MS = 1_000;
/** A peer that is alone collides with nobody, and may be fast: from here on as much as it has asked for, as in a slow start. */
const ALONE_AHEAD_BYTES = 8_388_608;
const MOST_AHEAD_BYTES = 67_108_864;
/** When nothing new is left, what was shown and not asked for so long is shown to another too. */
const UNASKED_MS = 2_000;
/** What was asked for, and that nobody has so long after, may be lost to the others. */
const UNFINISHED_MS = 20_000;
/** A peer that could ask, and did not for so long, wants other pieces: it loads only some files, say. */
const IGNORED_MS = 3_000;
/** So many of the pieces that were shown longest ago are looked at for one to show again. */
const MOST_LOOKED_AT = 256;

export interface SuperSeedingOptions {
  readonly pieceCount: number;
  readonly pieceLengthBytes: number;
  /** Seeded generator of [0, 1). */
  readonly random: () => number;
  /** Knows how many peers have each piece. */
  readonly availability: Pick<PiecePicker, 'availabilityOf'>;
}

/** What super-seeding has to know of a link. */
export interface ShownLink {
  readonly linkId: number;
  readonly upBytesPerSec: number;
}

interface Audience {
  readonly link: ShownLink;
  readonly sinceMs: number;
  /** Pieces that it was shown and has neither asked for nor got elsewhere. */
  readonly unasked: Set<PieceIndex>;
  /** Pieces that it asked for and does not have yet. */
  readonly asked: Set<PieceIndex>;
  askedBytes: number;
  /** When it was shown something or asked for it last. */
  lastMs: number;
}

/** A piece that was shown to somebody and that no peer has yet. */
interface Showing {
  /** The last time that it was shown or asked for. */
  readonly sinceMs: number;
  readonly isAsked: boolean;
}

export class SuperSeeding {
  readonly #options: SuperSeedingOptions;
  /** Pieces of a run. */
  readonly #runPieces: number;
  /** Pieces to be shown, the next one last; peers may have some of them by now. */
  readonly #hidden: PieceIndex[];
  /** In the order of the last showing. */
  readonly #showings = new Map<PieceIndex, Showing>();
  readonly #audience = new Map<number, Audience>();

  constructor(options: SuperSeedingOptions) {
    this.#options = options;
    this.#runPieces = runPieces(options.pieceLengthBytes, options.pieceCount);
    this.#hidden = shuffledRuns(options, this.#runPieces);
  }

  /** Links that see only what they are shown. */
  get linkIds(): Iterable<number> {
    return this.#audience.keys();
  }

  /** Whether every piece is somewhere else too: there is nothing left to spread. */
  get isSpread(): boolean {
    this.#forgetKnown();
    return this.#hidden.length === 0 && this.#showings.size === 0;
  }

  /** A peer was admitted, and told that we have nothing. */
  addLink(link: ShownLink, nowMs: number): void {
    const nothing = { unasked: new Set<PieceIndex>(), asked: new Set<PieceIndex>(), askedBytes: 0, lastMs: nowMs };
    this.#audience.set(link.linkId, { link, sinceMs: nowMs, ...nothing });
  }

  /**
   * The link is gone, and counts for availability no more: what only it had goes to others.
   * @param pieces what it had, if it said so
   */
  removeLink(linkId: number, pieces: PieceSet | undefined): void {
    const audience = this.#audience.get(linkId);
    this.#audience.delete(linkId);
    for (const pieceIndex of [...(audience?.unasked ?? []), ...(audience?.asked ?? [])]) {
      if (this.#showings.delete(pieceIndex)) this.#hide(pieceIndex);
    }
    pieces?.forEach((pieceIndex) => this.#hide(pieceIndex));
  }

  /** A peer came with these; some of them it may have been shown. */
  handlePieces(linkId: number, pieces: PieceSet): void {
    const audience = this.#audience.get(linkId);
    for (const pieceIndex of audience?.unasked ?? []) if (pieces.has(pieceIndex)) audience?.unasked.delete(pieceIndex);
    for (const pieceIndex of this.#showings.keys()) if (pieces.has(pieceIndex)) this.#showings.delete(pieceIndex);
  }

  /** Whether the peer wants nothing of what it was shown: it may want what it does not see. */
  isIgnoredBy(linkId: number, nowMs: number): boolean {
    const audience = this.#audience.get(linkId);
    if (!audience || audience.unasked.size === 0 || audience.asked.size > 0) return false;
    return nowMs - audience.lastMs >= IGNORED_MS;
  }

  /** The peer has the piece. */
  handleHave(linkId: number, pieceIndex: PieceIndex): void {
    const audience = this.#audience.get(linkId);
    audience?.unasked.delete(pieceIndex);
    audience?.asked.delete(pieceIndex);
    this.#showings.delete(pieceIndex);
  }

  /** The peer asked for a block of the piece. */
  handleAsked(linkId: number, pieceIndex: PieceIndex, nowMs: number): void {
    const audience = this.#audience.get(linkId);
    if (!audience?.unasked.delete(pieceIndex)) return;
    audience.asked.add(pieceIndex);
    audience.lastMs = nowMs;
    audience.askedBytes += this.#options.pieceLengthBytes;
    if (this.#showings.has(pieceIndex)) this.#noteShowing(pieceIndex, { sinceMs: nowMs, isAsked: true });
  }

  /** Pieces to show to this link now. */
  show(linkId: number, nowMs: number): readonly PieceIndex[] {
    const audience = this.#audience.get(linkId);
    if (!audience) return [];
    const shown: PieceIndex[] = [];
    const ahead = this.#aheadPieces(audience, nowMs);
    while (audience.unasked.size < ahead || this.#isWithinRun(shown, ahead)) {
      const pieceIndex = this.#nextHidden() ?? this.#nextNeglected(audience, nowMs);
      if (pieceIndex === undefined) break;
      audience.unasked.add(pieceIndex);
      audience.lastMs = nowMs;
      this.#noteShowing(pieceIndex, { sinceMs: nowMs, isAsked: false });
      shown.push(pieceIndex);
    }
    return shown;
  }

  /** Whether the last one that was shown is to be followed by the rest of its run: it is asked for, and read, with it. */
  #isWithinRun(shown: readonly PieceIndex[], ahead: number): boolean {
    const last = shown.at(-1);
    return (
      last !== undefined &&
      ahead >= this.#runPieces &&
      this.#hidden.at(-1) === last + 1 &&
      (last + 1) % this.#runPieces !== 0
    );
  }

  #aheadPieces({ link, sinceMs, askedBytes }: Audience, nowMs: number): number {
    const isAlone = this.#audience.size === 1;
    const startingBytes = isAlone || nowMs - sinceMs < STARTING_MS ? askedBytes : 0;
    const leastBytes = Math.max(isAlone ? ALONE_AHEAD_BYTES : LEAST_AHEAD_BYTES, startingBytes);
    const bytes = Math.min(Math.max(leastBytes, (link.upBytesPerSec * AHEAD_MS) / 1000), MOST_AHEAD_BYTES);
    return Math.max(LEAST_AHEAD_PIECES, Math.ceil(bytes / this.#options.pieceLengthBytes));
  }

  #noteShowing(pieceIndex: PieceIndex, showing: Showing): void {
    this.#showings.delete(pieceIndex);
    this.#showings.set(pieceIndex, showing);
  }

  #nextHidden(): PieceIndex | undefined {
    this.#forgetKnown();
    return this.#hidden.pop();
  }

  /** Takes pieces from the end that somebody has by now. */
  #forgetKnown(): void {
    for (let last = this.#hidden.at(-1); last !== undefined && !this.#isLonely(last); last = this.#hidden.at(-1)) {
      this.#hidden.pop();
    }
  }

  /** What was shown longest ago, and whoever saw it did nothing about it. */
  #nextNeglected(to: Audience, nowMs: number): PieceIndex | undefined {
    let looked = 0;
    for (const [pieceIndex, { sinceMs, isAsked }] of this.#showings) {
      looked += 1;
      if (looked > MOST_LOOKED_AT || nowMs - sinceMs < UNASKED_MS) return undefined;
      if (isAsked && nowMs - sinceMs < UNFINISHED_MS) continue;
      if (!to.unasked.has(pieceIndex)) return pieceIndex;
    }
    return undefined;
  }

  /** To be shown anew, if nobody has it and nobody is about to. */
  #hide(pieceIndex: PieceIndex): void {
    if (!this.#showings.has(pieceIndex) && this.#isLonely(pieceIndex)) this.#hidden.push(pieceIndex);
  }

  /** Whether no peer has it, as far as we know. */
  #isLonely(pieceIndex: PieceIndex): boolean {
    return this.#options.availability.availabilityOf(pieceIndex) === 0;
  }
}

/**
 * All pieces, the last one of a run first. Runs are in an order by lot, small pieces within one are not: they would be read
 * and written one by one, at both ends.
 */
function shuffledRuns({ pieceCount, random }: SuperSeedingOptions, length: number): PieceIndex[] {
  const runs = Array.from({ length: Math.ceil(pieceCount / length) }, (_, run) => run);
  shuffle(runs, random);
  const pieces: PieceIndex[] = [];
  for (const run of runs) {
    const end = Math.min((run + 1) * length, pieceCount);
    for (let index = end - 1; index >= run * length; index -= 1) pieces.push(index as PieceIndex);
  }
  return pieces;
}

/** Fisher and Yates. */
function shuffle(values: number[], random: () => number): void {
  for (let at = values.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    const [one, two] = [values[at], values[other]];
    if (one === undefined || two === undefined) continue;
    values[at] = two;
    values[other] = one;
  }
}
