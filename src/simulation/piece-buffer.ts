/** The blocks of one piece as they come in, with who sent each, as a worker keeps them. */
import type { FailedPieceEvidence, PartialPiece } from '../swarm/swarm-events.js';

const DIGEST_LENGTH = 20;
const GOOD_DIGEST = 1;

interface ReceivedBlock {
  readonly source: string;
  readonly isBad: boolean;
}

export class PieceBuffer {
  readonly ownerLinkId: number;
  readonly #blocks: (ReceivedBlock | undefined)[];
  readonly #evidence: FailedPieceEvidence | undefined;
  /** The link that was asked for a block and has not sent it. */
  readonly #askedOf: (number | undefined)[];
  #missing: number;

  constructor(options: {
    readonly ownerLinkId: number;
    readonly blockCount: number;
    readonly partial: PartialPiece;
    readonly evidence: FailedPieceEvidence | undefined;
    /** Whether a block that is on disk is bad. */
    readonly isBadOnDisk: (block: number) => boolean;
  }) {
    this.ownerLinkId = options.ownerLinkId;
    this.#evidence = options.evidence;
    this.#blocks = Array.from({ length: options.blockCount }, (_, block) => {
      const source = options.partial.find(({ blocks }) => hasBit(blocks, block))?.source;
      return source === undefined ? undefined : { source, isBad: options.isBadOnDisk(block) };
    });
    this.#askedOf = this.#blocks.map(() => undefined);
    this.#missing = this.#blocks.filter((block) => block === undefined).length;
  }

  get isComplete(): boolean {
    return this.#missing === 0;
  }

  get isGood(): boolean {
    return this.#blocks.every((block) => block?.isBad === false);
  }

  get contributors(): readonly string[] {
    return [...new Set(this.#blocks.flatMap((block) => (block ? [block.source] : [])))];
  }

  /** Blocks that are there and bad, for whoever goes on with them. */
  get badBlocks(): ReadonlySet<number> {
    return new Set(this.#blocks.flatMap((block, index) => (block?.isBad ? [index] : [])));
  }

  /** The block to ask a link for: one that nobody was asked for, from the end for a helper. */
  nextBlock(linkId: number): number | undefined {
    const isOwner = linkId === this.ownerLinkId;
    for (let step = 0; step < this.#blocks.length; step += 1) {
      const block = isOwner ? step : this.#blocks.length - 1 - step;
      if (this.#blocks[block] === undefined && this.#askedOf[block] === undefined) return block;
    }
    return undefined;
  }

  noteAsked(block: number, linkId: number): void {
    this.#askedOf[block] = linkId;
  }

  /** The link will not send what it was asked for. */
  forgetAsked(linkId: number): void {
    this.#askedOf.forEach((askedOf, block) => {
      if (askedOf === linkId) this.#askedOf[block] = undefined;
    });
  }

  /** @returns whether the block was still missing */
  receive(block: number, source: string, isBad: boolean): boolean {
    this.#askedOf[block] = undefined;
    if (this.#blocks[block] !== undefined) return false;
    this.#blocks[block] = { source, isBad };
    this.#missing -= 1;
    return true;
  }

  toPartial(): PartialPiece {
    return this.contributors.map((source) => {
      const blocks = new Uint8Array(Math.ceil(this.#blocks.length / 8));
      this.#blocks.forEach((block, index) => {
        if (block?.source === source) blocks[index >>> 3] = (blocks[index >>> 3] ?? 0) | (0x80 >>> (index & 7));
      });
      return { source, blocks };
    });
  }

  /** What is kept of a piece that failed: a digest of each block, here its first byte tells. */
  toEvidence(): FailedPieceEvidence {
    const blockDigests = new Uint8Array(this.#blocks.length * DIGEST_LENGTH);
    this.#blocks.forEach((block, index) => {
      blockDigests[index * DIGEST_LENGTH] = block?.isBad ? GOOD_DIGEST + 1 : GOOD_DIGEST;
    });
    return { blockDigests, sources: this.toPartial() };
  }

  /** Once the piece is good: who sent blocks, back then, that were not these. */
  get liars(): readonly string[] {
    const evidence = this.#evidence;
    if (!evidence) return [];
    const isWrong = (block: number): boolean => evidence.blockDigests[block * DIGEST_LENGTH] !== GOOD_DIGEST;
    return evidence.sources
      .filter(({ blocks }) => this.#blocks.some((_, block) => hasBit(blocks, block) && isWrong(block)))
      .map(({ source }) => source);
  }
}

function hasBit(bits: Uint8Array, index: number): boolean {
  return ((bits[index >>> 3] ?? 0) & (0x80 >>> (index & 7))) !== 0;
}
