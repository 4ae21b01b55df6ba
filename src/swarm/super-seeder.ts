/** When to super-seed, and for whom: `SuperSeeding` as long as this is the only full peer that is known of. */
import type { PieceIndex } from '../metainfo/piece-layout.js';
import type { PieceSet } from './piece-set.js';
import type { PieceTrade } from './piece-trade.js';
import { SuperSeeding } from './super-seeding.js';
import type { SwarmConfig } from './swarm-config.js';
import type { SwarmAction } from './swarm-events.js';
import type { SwarmLink } from './swarm-link.js';

export class SuperSeeder {
  readonly #config: SwarmConfig;
  readonly #trade: PieceTrade;
  readonly #act: (action: SwarmAction) => void;
  /** Links that do not know of everything. */
  readonly #links = new Map<number, SwarmLink>();
  #seeding: SuperSeeding | undefined;
  #needsShow = false;
  /** What the trackers counted last, this peer among them. */
  #toldSeeders = 0;

  constructor(config: SwarmConfig, trade: PieceTrade, act: (action: SwarmAction) => void) {
    this.#config = config;
    this.#trade = trade;
    this.#act = act;
  }

  /** A tracker counted so many seeders. */
  handleSeeders(count: number): void {
    this.#toldSeeders = count;
  }

  /**
   * A peer is admitted.
   * @param isFirst nobody else is connected: another crowd begins
   * @returns whether it is to be told that we have nothing
   */
  handleAdmitted(link: SwarmLink, isFirst: boolean, nowMs: number): boolean {
    if (isFirst) this.#seeding = this.#isOnlySeed() ? this.#newSeeding() : undefined;
    if (!this.#seeding) return false;
    this.#links.set(link.linkId, link);
    this.#seeding.addLink(link, nowMs);
    this.#needsShow = true;
    return true;
  }

  /** A peer came with these. */
  handlePieces(linkId: number, pieces: PieceSet): void {
    this.#seeding?.handlePieces(linkId, pieces);
    this.#needsShow = true;
  }

  /** The peer has these now. */
  handleHaves(linkId: number, pieceIndices: readonly PieceIndex[]): void {
    for (const pieceIndex of pieceIndices) this.#seeding?.handleHave(linkId, pieceIndex);
    this.#needsShow = true;
  }

  /** The peer asked for blocks of these. */
  handleAsked(linkId: number, pieceIndices: readonly PieceIndex[], nowMs: number): void {
    for (const pieceIndex of pieceIndices) this.#seeding?.handleAsked(linkId, pieceIndex, nowMs);
    this.#needsShow = true;
  }

  /** The link is gone, and counts for availability no more. */
  handleClosed(linkId: number, pieces: PieceSet | undefined): void {
    this.#links.delete(linkId);
    this.#seeding?.removeLink(linkId, pieces);
    this.#needsShow = true;
  }

  /** Time has passed; about once a second. */
  handleTick(): void {
    this.#needsShow = true;
  }

  /** Tells peers of pieces, if something happened that lets it. */
  show(nowMs: number): void {
    if (!this.#needsShow || !this.#seeding) return;
    this.#needsShow = false;
    if (this.#seeding.isSpread) {
      this.end();
      return;
    }
    for (const [linkId, link] of this.#links) {
      const couldAsk = !link.peerInterested || !link.amChoking;
      if (couldAsk && this.#seeding.isIgnoredBy(linkId, nowMs)) {
        this.#seeding.removeLink(linkId, undefined);
        this.#showAll(link);
        continue;
      }
      const pieceIndices = this.#seeding.show(linkId, nowMs);
      if (pieceIndices.length > 0) this.#act({ type: 'show', linkId, pieceIndices, isAll: false });
    }
  }

  /** Everybody learns of everything. */
  end(): void {
    this.#seeding = undefined;
    for (const link of this.#links.values()) this.#showAll(link);
  }

  #showAll({ linkId, pieces }: SwarmLink): void {
    this.#links.delete(linkId);
    const pieceIndices: PieceIndex[] = [];
    this.#trade.ledger.owned.forEach((pieceIndex) => {
      if (pieces?.has(pieceIndex) !== true) pieceIndices.push(pieceIndex);
    });
    this.#act({ type: 'show', linkId, pieceIndices, isAll: true });
  }

  #isOnlySeed(): boolean {
    const { superSeeds, wantsPieces, layout } = this.#config;
    return (
      superSeeds && !wantsPieces && layout.pieceCount > 1 && this.#trade.ledger.owned.isFull && this.#toldSeeders <= 1
    );
  }

  #newSeeding(): SuperSeeding {
    const { layout, random } = this.#config;
    const { pieceCount, pieceLengthBytes } = layout;
    return new SuperSeeding({ pieceCount, pieceLengthBytes, random, availability: this.#trade.picker });
  }
}
