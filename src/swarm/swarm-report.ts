/** Puts together the snapshot of a swarm. What needs a walk over all pieces is kept for a quarter of a second. */
import type { PieceLayout } from '../metainfo/piece-layout.js';
import type { PieceTrade } from './piece-trade.js';
import type { SwarmLink } from './swarm-link.js';
import type { LinkSnapshot, SwarmSnapshot } from './swarm-snapshot.js';

const KEEP_MS = 250;
const MOST_MISSING_LISTED = 1_000;

const NONE_MISSING = { missingEverywhere: [], missingEverywhereCount: 0 } as const;

type PieceReport = Pick<SwarmSnapshot, 'availability' | 'missingEverywhere' | 'missingEverywhereCount'>;

type WantedFigure = 'wantedPieces' | 'wantedBytes' | 'wantedVerifiedPieces' | 'wantedVerifiedBytes';

/** What the coordinator itself has to say. */
export type SwarmStanding = Pick<
  SwarmSnapshot,
  'knownPeers' | 'bannedPeers' | 'trackers' | 'webSeeds' | 'everAnswered'
>;

export class SwarmReport {
  readonly #layout: PieceLayout;
  readonly #trade: PieceTrade;
  /** Payload of links that are gone. */
  #pastDownBytes = 0;
  #pastUpBytes = 0;
  readonly #startBytes: number;
  #pieces: PieceReport | undefined;
  #piecesMs = -Infinity;

  constructor(layout: PieceLayout, trade: PieceTrade) {
    this.#layout = layout;
    this.#trade = trade;
    this.#startBytes = trade.ledger.verifiedBytes;
  }

  /** What the link moved stays in the totals. */
  handleClosed(link: SwarmLink): void {
    this.#pastDownBytes += link.measure.downTotalBytes;
    this.#pastUpBytes += link.measure.upTotalBytes;
  }

  snapshot(links: readonly SwarmLink[], standing: SwarmStanding, nowMs: number): SwarmSnapshot {
    const sum = (amount: (link: SwarmLink) => number): number => links.reduce((total, link) => total + amount(link), 0);
    return {
      pieceCount: this.#layout.pieceCount,
      verifiedPieces: this.#trade.ledger.owned.size,
      verifiedBytes: this.#trade.ledger.verifiedBytes,
      ...this.#wanted(),
      assignedPieces: this.#trade.ledger.assignedCount,
      downBytesPerSec: sum((link) => link.downBytesPerSec),
      upBytesPerSec: sum((link) => link.upBytesPerSec),
      // The links' figures lag behind by a quarter of a second; what was verified has come.
      downTotalBytes: Math.max(
        this.#pastDownBytes + sum((link) => link.measure.downTotalBytes),
        this.#trade.ledger.verifiedBytes - this.#startBytes,
      ),
      upTotalBytes: this.#pastUpBytes + sum((link) => link.measure.upTotalBytes),
      links: links.filter((link) => !link.isClosing).map((link) => this.#linkSnapshot(link)),
      ...this.#pieceReport(nowMs),
      ...standing,
    };
  }

  #wanted(): Pick<SwarmSnapshot, WantedFigure> {
    const { ledger } = this.#trade;
    const unwantedCount = ledger.unwantedCount;
    return {
      wantedPieces: this.#layout.pieceCount - unwantedCount,
      wantedBytes: ledger.wantedBytes,
      wantedVerifiedPieces: ledger.settled.size - unwantedCount,
      wantedVerifiedBytes: ledger.wantedVerifiedBytes,
    };
  }

  #pieceReport(nowMs: number): PieceReport {
    if (this.#trade.ledger.settled.isFull) return { ...this.#measured(nowMs), ...NONE_MISSING };
    return this.#measured(nowMs);
  }

  #measured(nowMs: number): PieceReport {
    if (!this.#pieces || nowMs - this.#piecesMs >= KEEP_MS) {
      this.#piecesMs = nowMs;
      this.#pieces = {
        availability: this.#trade.picker.distributedCopies(),
        missingEverywhere: this.#trade.picker.sourceless(MOST_MISSING_LISTED),
        missingEverywhereCount: this.#trade.picker.sourcelessCount,
      };
    }
    return this.#pieces;
  }

  #linkSnapshot(link: SwarmLink): LinkSnapshot {
    return {
      linkId: link.linkId,
      address: link.address,
      incoming: link.incoming,
      ...(link.webSeed === undefined ? {} : { webSeed: link.webSeed }),
      source: link.source,
      client: link.client,
      progress: link.pieces ? link.pieces.size / Math.max(1, this.#layout.pieceCount) : 0,
      downBytesPerSec: link.downBytesPerSec,
      upBytesPerSec: link.upBytesPerSec,
      downTotalBytes: link.measure.downTotalBytes,
      upTotalBytes: link.measure.upTotalBytes,
      roundTripMs: link.measure.roundTripMs,
      amChoking: link.amChoking,
      amInterested: link.amInterested,
      peerChoking: link.peerChoking,
      peerInterested: link.peerInterested,
      assignedPieces: link.assigned.size,
    };
  }
}
