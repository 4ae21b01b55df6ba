/**
 * How many blocks are asked of one peer at once, and which of them are on their way. Pure: thread and socket are the
 * caller's. Too few requests leave the line idle for a round trip; too many pile up at the peer, where a choke or the
 * end of the download finds them. So the window follows what the link carries:
 *
 *   window = rate × (2 × least round trip + 100 ms), at least 128 KiB, at most 8 MiB (or twice rate × round trip)
 *
 * A window that was full is filled again when half of it has come: what is left lasts for a round trip and 50 ms, and
 * requests leave several at a time. One by one, each wakes both ends, and each block is read and sent by itself; of 8
 * peers at 100 Mbit/s on two cores that took half of the processor time.
 */
import { RateMeter } from './rate-meter.js';

const FIRST_WINDOW_BYTES = 262_144;
const LEAST_WINDOW_BYTES = 131_072;
const MOST_WINDOW_BYTES = 8_388_608;
const QUEUE_MS = 100;
const REFILL_BELOW = 0.5;
/** Requests that a peer accepts when it does not say (libtorrent's default; BEP 10, reqq). */
const DEFAULT_REQUEST_QUEUE = 250;
/** Weight of the newest sample in smoothed rate and round trip. */
const SMOOTHING = 0.25;
/** What one tick saw counts up to this many times the rate of the last second: a rate limit sends its blocks in bursts. */
const BURST_MOST = 4;
const BURST_WINDOW_MS = 1000;
const BLOCKS_PER_PIECE_MOST = 8_192;

export class RequestPipeline {
  readonly #inFlight = new Map<number, InFlight>();
  /** Blocks on their way that the caller remembers by himself. */
  #countedCount = 0;
  #requestQueue = DEFAULT_REQUEST_QUEUE;
  #windowBytes = FIRST_WINDOW_BYTES;
  #inFlightBytes = 0;
  /** It was not full since it was half empty. */
  #isFilling = true;
  #arrivedBytes = 0;
  #sustained = new RateMeter(BURST_WINDOW_MS);
  #lastTickMs: number;
  #lastArrivalMs: number;
  #bytesPerSec = 0;
  #roundTripMs = 0;
  #leastRoundTripMs = Number.POSITIVE_INFINITY;

  constructor(nowMs: number) {
    this.#lastTickMs = nowMs;
    this.#lastArrivalMs = nowMs;
  }

  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  get inFlightCount(): number {
    return this.#inFlight.size + this.#countedCount;
  }

  get bytesPerSec(): number {
    return this.#bytesPerSec;
  }

  /** Smoothed time from a request to its block, 0 before the first. */
  get roundTripMs(): number {
    return this.#roundTripMs;
  }

  /** Milliseconds without payload while something is asked for. */
  stalledMs(nowMs: number): number {
    return this.inFlightCount === 0 ? 0 : nowMs - this.#lastArrivalMs;
  }

  /** The peer says how many requests it takes (BEP 10, reqq). */
  handleRequestQueue(requestQueue: number): void {
    this.#requestQueue = Math.max(1, requestQueue);
  }

  /** Whether to send one more request of this length now. The first one always may be. */
  hasRoom(lengthBytes: number): boolean {
    if (this.inFlightCount === 0) this.#isFilling = true;
    else if (!this.#isFilling) this.#isFilling = this.#isHalfEmpty();
    this.#isFilling &&= this.inFlightCount === 0 || this.#fits(lengthBytes);
    return this.#isFilling;
  }

  /** How many requests of this length to send now. */
  room(lengthBytes: number): number {
    if (!this.hasRoom(lengthBytes)) return 0;
    const byBytes = Math.floor((this.#windowBytes - this.#inFlightBytes) / lengthBytes);
    return Math.max(1, Math.min(this.#requestQueue - this.inFlightCount, byBytes));
  }

  handleSent(pieceIndex: number, block: number, lengthBytes: number, nowMs: number): void {
    this.#remove(pieceIndex, block);
    this.#noteSending(nowMs);
    this.#inFlight.set(blockKey(pieceIndex, block), { sentMs: nowMs, lengthBytes });
    this.#inFlightBytes += lengthBytes;
  }

  /** Requests for blocks that the caller remembers: `handleCounted` or `handleCountedDropped` follows for each. */
  handleCountedSent(count: number, sizeBytes: number, nowMs: number): void {
    this.#noteSending(nowMs);
    this.#countedCount += count;
    this.#inFlightBytes += sizeBytes;
  }

  /** The last byte of a block that the caller remembers. */
  handleCounted(lengthBytes: number, sentMs: number, nowMs: number): void {
    this.handleCountedDropped(lengthBytes);
    this.#sampleRoundTrip(sentMs, nowMs);
  }

  /** A block that the caller remembers was refused by the peer, or taken back. */
  handleCountedDropped(lengthBytes: number): void {
    this.#countedCount -= 1;
    this.#inFlightBytes -= lengthBytes;
  }

  isInFlight(pieceIndex: number, block: number): boolean {
    return this.#inFlight.has(blockKey(pieceIndex, block));
  }

  /** Payload of a block that is on its way, whole or in part. */
  handlePayload(lengthBytes: number, nowMs: number): void {
    this.#arrivedBytes += lengthBytes;
    this.#lastArrivalMs = nowMs;
  }

  /** The last byte of a block. @returns false when nobody asked for it */
  handleBlock(pieceIndex: number, block: number, nowMs: number): boolean {
    const sent = this.#remove(pieceIndex, block);
    if (!sent) return false;
    this.#sampleRoundTrip(sent.sentMs, nowMs);
    return true;
  }

  /** Refused by the peer, or taken back. @returns false when it was not on its way */
  handleDropped(pieceIndex: number, block: number): boolean {
    return this.#remove(pieceIndex, block) !== undefined;
  }

  /** Forgets all that is on its way: the connection is gone, or a peer without BEP 6 chokes. */
  clear(): void {
    this.#inFlight.clear();
    this.#countedCount = 0;
    this.#inFlightBytes = 0;
  }

  /** Adjusts rate and window; called some twenty times a second. */
  handleTick(nowMs: number): void {
    const elapsedMs = nowMs - this.#lastTickMs;
    if (elapsedMs < 20) return;
    this.#sustained.add(this.#arrivedBytes, nowMs);
    const sustained = this.#sustained.bytesPerSec(nowMs);
    const sample = Math.min((this.#arrivedBytes * 1000) / elapsedMs, BURST_MOST * sustained);
    // Rises at once, so that a fast link fills in a few ticks; falls slowly, so that one empty tick does not close it.
    this.#bytesPerSec = sample > this.#bytesPerSec ? sample : mix(this.#bytesPerSec, sample);
    this.#arrivedBytes = 0;
    this.#lastTickMs = nowMs;
    const roundTripMs = Number.isFinite(this.#leastRoundTripMs) ? this.#leastRoundTripMs : 0;
    const wanted = (this.#bytesPerSec * (2 * roundTripMs + QUEUE_MS)) / 1000;
    const most = Math.max(MOST_WINDOW_BYTES, (2 * this.#bytesPerSec * roundTripMs) / 1000);
    const least = this.#roundTripMs === 0 ? FIRST_WINDOW_BYTES : LEAST_WINDOW_BYTES;
    this.#windowBytes = Math.min(Math.max(wanted, least), most);
  }

  #noteSending(nowMs: number): void {
    if (this.inFlightCount > 0) return;
    // Silence before the first request says nothing about the line.
    if (nowMs - this.#lastArrivalMs > BURST_WINDOW_MS) this.#sustained = new RateMeter(BURST_WINDOW_MS);
    this.#lastArrivalMs = nowMs;
  }

  #sampleRoundTrip(sentMs: number, nowMs: number): void {
    const sampleMs = Math.max(nowMs - sentMs, 0.05);
    this.#leastRoundTripMs = Math.min(this.#leastRoundTripMs, sampleMs);
    this.#roundTripMs = this.#roundTripMs === 0 ? sampleMs : mix(this.#roundTripMs, sampleMs);
  }

  #fits(lengthBytes: number): boolean {
    return this.inFlightCount < this.#requestQueue && this.#inFlightBytes + lengthBytes <= this.#windowBytes;
  }

  #isHalfEmpty(): boolean {
    const mostBytes = REFILL_BELOW * this.#windowBytes;
    return this.#inFlightBytes <= mostBytes && this.inFlightCount <= REFILL_BELOW * this.#requestQueue;
  }

  #remove(pieceIndex: number, block: number): InFlight | undefined {
    const key = blockKey(pieceIndex, block);
    const sent = this.#inFlight.get(key);
    if (!sent) return undefined;
    this.#inFlight.delete(key);
    this.#inFlightBytes -= sent.lengthBytes;
    return sent;
  }
}

interface InFlight {
  readonly sentMs: number;
  readonly lengthBytes: number;
}

function blockKey(pieceIndex: number, block: number): number {
  return pieceIndex * BLOCKS_PER_PIECE_MOST + block;
}

function mix(old: number, sample: number): number {
  return old + (sample - old) * SMOOTHING;
}
