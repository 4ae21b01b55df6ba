/**
 * The rules of one connection after the handshake (BEP 3, BEP 6): who chokes whom, what may be said when, which indices
 * exist. Pure: takes messages, gives back what they mean, or throws `ProtocolError` when the peer broke a rule.
 */
import { ProtocolError } from '../errors.js';
import type { PieceIndex, PieceLayout } from '../metainfo/piece-layout.js';
import { BLOCK_LENGTH } from '../metainfo/piece-layout.js';
import { Bitfield } from '../protocol/bitfield.js';
import { MAX_FAST_HINTS, MAX_SERVED_BLOCK_BYTES } from '../protocol/limits.js';
import type { BlockRange, PieceFragment, WireMessage } from '../protocol/messages.js';

/** A block range that lies inside a piece of this torrent. */
export interface CheckedRange extends BlockRange {
  readonly pieceIndex: PieceIndex;
}

/** What a message means for this link. `undefined` from `handle` means: nothing to do. */
export type LinkEvent =
  | { readonly type: 'peer-has'; readonly pieces: 'all' | 'none' | Uint8Array }
  | { readonly type: 'peer-have'; readonly pieceIndices: readonly PieceIndex[] }
  | { readonly type: 'peer-choked' | 'peer-unchoked' | 'peer-interested' | 'peer-not-interested' }
  | { readonly type: 'request' | 'cancel' | 'rejected'; readonly range: CheckedRange }
  | { readonly type: 'allowed-fast' | 'suggested'; readonly pieceIndex: PieceIndex }
  | { readonly type: 'fragment'; readonly fragment: PieceFragment; readonly block: number | undefined }
  | { readonly type: 'dht-port'; readonly port: number }
  | { readonly type: 'extended'; readonly extensionId: number; readonly payload: Uint8Array };

export class PeerLink {
  readonly #layout: PieceLayout;
  readonly #supportsFast: boolean;
  /** What the peer said that it has; undefined before its first word on that. */
  #has: Bitfield | undefined;
  readonly #hints = { suggest: new Set<PieceIndex>(), 'allowed-fast': new Set<PieceIndex>() };

  amChoking = true;
  amInterested = false;
  peerChoking = true;
  peerInterested = false;

  constructor(layout: PieceLayout, supportsFast: boolean) {
    this.#layout = layout;
    this.#supportsFast = supportsFast;
  }

  /**
   * The peer has a piece no more (BEP 54).
   * @returns the piece when that is news
   * @throws {P2P_PROTOCOL} when there is no such piece
   */
  handleDontHave(index: number): PieceIndex | undefined {
    const pieceIndex = this.#checkPiece(index, 'lt_donthave');
    if (this.#has?.has(pieceIndex) !== true) return undefined;
    this.#has.clear(pieceIndex);
    return pieceIndex;
  }

  /** How many pieces the peer has, as far as it said. */
  get peerPieceCount(): number {
    return this.#has?.count() ?? 0;
  }

  get supportsFast(): boolean {
    return this.#supportsFast;
  }

  /**
   * @returns what the message means, or `undefined` when it changes nothing
   * @throws {P2P_PROTOCOL} when the message breaks a rule
   */
  handle(message: WireMessage): LinkEvent | undefined {
    switch (message.type) {
      case 'piece':
        return this.#handleFragment(message);
      case 'request':
        return { type: 'request', range: this.#checkRange(message) };
      case 'cancel':
        return { type: 'cancel', range: this.#checkRange(message) };
      case 'reject':
        this.#requireFast('reject');
        return { type: 'rejected', range: this.#checkRange(message) };
      case 'choke':
      case 'unchoke':
        return this.#handleChoke(message.type === 'choke');
      case 'interested':
      case 'not-interested':
        return this.#handleInterest(message.type === 'interested');
      case 'have':
        return this.#handleHave(this.#checkPiece(message.pieceIndex, 'have'));
      case 'bitfield':
      case 'have-all':
      case 'have-none':
        return this.#handleHas(message);
      case 'suggest':
      case 'allowed-fast':
        return this.#handleHint(message.type, message.pieceIndex);
      case 'extended':
        return { type: 'extended', extensionId: message.extensionId, payload: message.payload };
      case 'port':
        return message.port === 0 ? undefined : { type: 'dht-port', port: message.port };
      case 'keep-alive':
      case 'unknown':
        return undefined;
      default:
        return message satisfies never;
    }
  }

  /** Only so many are remembered, each once: a flood of them costs nothing further on. */
  #handleHint(type: 'suggest' | 'allowed-fast', index: number): LinkEvent | undefined {
    this.#requireFast(type);
    const pieceIndex = this.#checkPiece(index, type);
    const known = this.#hints[type];
    if (known.size >= MAX_FAST_HINTS || known.has(pieceIndex)) return undefined;
    known.add(pieceIndex);
    return { type: type === 'suggest' ? 'suggested' : type, pieceIndex };
  }

  #handleFragment(fragment: PieceFragment): LinkEvent {
    const { pieceIndex, blockOffset, lengthBytes } = fragment;
    const index = this.#checkPiece(pieceIndex, 'piece');
    if (lengthBytes === 0 || blockOffset + lengthBytes > this.#layout.pieceSize(index)) {
      throw new ProtocolError(
        `piece message of ${lengthBytes} bytes at ${blockOffset} does not fit piece ${pieceIndex} of ${this.#layout.pieceSize(index)} bytes`,
      );
    }
    const block = blockOffset / BLOCK_LENGTH;
    const isBlock = Number.isInteger(block) && lengthBytes === this.#layout.blockSize(index, block);
    return { type: 'fragment', fragment, block: isBlock ? block : undefined };
  }

  #handleChoke(choked: boolean): LinkEvent | undefined {
    if (this.peerChoking === choked) return undefined;
    this.peerChoking = choked;
    return { type: choked ? 'peer-choked' : 'peer-unchoked' };
  }

  #handleInterest(interested: boolean): LinkEvent | undefined {
    if (this.peerInterested === interested) return undefined;
    this.peerInterested = interested;
    return { type: interested ? 'peer-interested' : 'peer-not-interested' };
  }

  #handleHave(pieceIndex: PieceIndex): LinkEvent | undefined {
    this.#has ??= new Bitfield(this.#layout.pieceCount);
    if (this.#has.has(pieceIndex)) return undefined;
    this.#has.set(pieceIndex);
    return { type: 'peer-have', pieceIndices: [pieceIndex] };
  }

  /**
   * Once, before any have; clients may say their extension handshake first (BEP 10 leaves the order open). aria2 sends a
   * bitfield or have-all again instead of many haves: that counts as those haves, and takes nothing back.
   */
  #handleHas(message: Extract<WireMessage, { type: 'bitfield' | 'have-all' | 'have-none' }>): LinkEvent | undefined {
    if (message.type !== 'bitfield') this.#requireFast(message.type);
    const said = this.#saidBy(message);
    const before = this.#has;
    if (before) return this.#handleMore(before, said);
    this.#has = said;
    if (message.type === 'bitfield') return { type: 'peer-has', pieces: Uint8Array.from(said.bytes) };
    return { type: 'peer-has', pieces: message.type === 'have-all' ? 'all' : 'none' };
  }

  /** Only what is new goes on: five bytes said again and again may not become a list of all pieces each time. */
  #handleMore(before: Bitfield, said: Bitfield): LinkEvent | undefined {
    const news = new Bitfield(
      said.length,
      said.bytes.map((byte, at) => byte & ~(before.bytes[at] ?? 0)),
    );
    if (news.isEmpty()) return undefined;
    const pieceIndices: PieceIndex[] = [];
    for (const index of news.indices()) {
      before.set(index);
      pieceIndices.push(this.#checkPiece(index, 'bitfield'));
    }
    return { type: 'peer-have', pieceIndices };
  }

  #saidBy(message: Extract<WireMessage, { type: 'bitfield' | 'have-all' | 'have-none' }>): Bitfield {
    if (message.type === 'bitfield') return this.#checkBitfield(message.bits);
    const { pieceCount } = this.#layout;
    return message.type === 'have-all' ? Bitfield.full(pieceCount) : new Bitfield(pieceCount);
  }

  #checkBitfield(bytes: Uint8Array): Bitfield {
    const expected = Math.ceil(this.#layout.pieceCount / 8);
    if (bytes.length !== expected) {
      throw new ProtocolError(`bitfield of ${bytes.length} bytes, expected ${expected}`);
    }
    const bits = new Bitfield(this.#layout.pieceCount, bytes);
    if (bits.hasSpareBits()) throw new ProtocolError('bitfield has bits set behind the last piece');
    return bits;
  }

  #checkPiece(pieceIndex: number, what: string): PieceIndex {
    if (this.#layout.hasPiece(pieceIndex)) return pieceIndex;
    throw new ProtocolError(`${what} names piece ${pieceIndex} of ${this.#layout.pieceCount}`);
  }

  #checkRange(range: BlockRange): CheckedRange {
    const pieceIndex = this.#checkPiece(range.pieceIndex, 'request');
    const { blockOffset, lengthBytes } = range;
    if (lengthBytes === 0 || lengthBytes > MAX_SERVED_BLOCK_BYTES) {
      throw new ProtocolError(`request of ${lengthBytes} bytes, allowed are 1 to ${MAX_SERVED_BLOCK_BYTES}`);
    }
    if (blockOffset + lengthBytes > this.#layout.pieceSize(pieceIndex)) {
      throw new ProtocolError(
        `request of ${lengthBytes} bytes at ${blockOffset} passes the end of piece ${pieceIndex} (${this.#layout.pieceSize(pieceIndex)} bytes)`,
      );
    }
    return { pieceIndex, blockOffset, lengthBytes };
  }

  #requireFast(what: string): void {
    if (!this.#supportsFast) throw new ProtocolError(`${what} came without the fast extension (BEP 6)`);
  }
}
