/**
 * One web seed (BEP 19): fetches the pieces that it is given from an HTTP server, by requests for ranges, and puts them
 * where a peer's would go. To the swarm it is a link as any other.
 *
 * Thread: one worker, for its whole life. Copies made: see WebBody. What a stranger's server may do is bounded: requests at
 * once, silence, slowness; memory and rate limit stop the reading, and so in time the server.
 */
import { BLOCK_LENGTH, type PieceIndex, type PieceLayout } from '../metainfo/piece-layout.js';
import { webSeedUrl } from '../metainfo/web-seeds.js';
import { RangePlan, type FileRange, type WantedSpan } from '../swarm/range-plan.js';
import { RateMeter } from '../swarm/rate-meter.js';
import type { CloseReason, LinkMeasure, SwarmEvent } from '../swarm/swarm-events.js';
import type { FetchTask } from './download-queue.js';
import { PieceAssembly, type BlockSink } from './piece-assembly.js';
import type { TradeHost } from './peer-trade.js';
import { PieceReturns } from './piece-returns.js';
import { WebBody } from './web-body.js';
import { openWebClient, WEB_CONNECTIONS, type WebClient } from './web-client.js';
import { WebRequest, type WebFailure } from './web-request.js';
import type { TorrentLink, TorrentTrade, WorkerTorrent } from './worker-torrent.js';

/** Ranges asked for at once; more than one only where they are so short that their round trips would dominate. */
const MOST_REQUESTS = WEB_CONNECTIONS;
/** The next range is asked for when less than this is to come, or than comes in two round trips and a tenth of a second. */
const LEAST_AHEAD_BYTES = 131_072;
const QUEUE_MS = 100;
/** A server that sends nothing for so long while it should is given up for now. */
const STALL_MS = 20_000;
/** So does one that sends less than 1 KiB/s over this time. */
const DRIP_WINDOW_MS = 30_000;
const DRIP_LEAST_BYTES = 30_720;
/** Bytes that are read in vain rather than breaking a connection off. */
const SKIP_MOST_BYTES = 262_144;
/** How long helpers may keep a piece waiting of which nothing else is left to ask for. */
const HELP_PATIENCE_MS = 1_000;
/** What a pad file holds (BEP 47). */
const ZEROS = new Uint8Array(65_536);

interface Task extends Pick<FetchTask, 'isHelp'> {
  readonly sink: PieceAssembly;
  /** Since when it has waited for blocks that helpers fetch. */
  idleSinceMs: number | undefined;
}

/** A range on its way. */
interface Fetch {
  readonly range: FileRange;
  /** Undefined for a pad file, which no server has. */
  readonly request: WebRequest | undefined;
  readonly sentMs: number;
  receivedBytes: number;
}

export class WebSeedLink implements TorrentLink, TorrentTrade {
  readonly linkId: number;
  readonly #host: TradeHost;
  readonly #torrent: WorkerTorrent;
  readonly #layout: PieceLayout;
  readonly #url: string;
  readonly #returns: PieceReturns;
  readonly #body: WebBody;
  readonly #plan: RangePlan;
  readonly #tasks = new Map<PieceIndex, Task>();
  /** In the order of the bytes; only the first is read. */
  readonly #fetches: Fetch[] = [];
  readonly #downMeter = new RateMeter();
  readonly #onClosed: (link: WebSeedLink) => void;
  #downTotalBytes = 0;
  #roundTripMs = 0;
  #lastArrivalMs: number;
  #dripSinceMs: number;
  #dripBytes = 0;
  /** The rate limit or the memory for blocks keeps us from reading. */
  #isHeldUp = false;
  #pumpScheduled = false;
  #isClosed = false;
  #returned: Promise<void> = Promise.resolve();
  /** Undefined while it is loaded. */
  #client: WebClient | undefined;

  constructor(options: {
    readonly linkId: number;
    readonly host: TradeHost;
    readonly torrent: WorkerTorrent;
    readonly url: string;
    /** Names the server as the source of blocks. */
    readonly blameKey: string;
    readonly onClosed: (link: WebSeedLink) => void;
  }) {
    const { host, torrent, linkId } = options;
    this.linkId = linkId;
    this.#host = host;
    this.#torrent = torrent;
    this.#layout = torrent.layout;
    this.#url = options.url;
    this.#onClosed = options.onClosed;
    this.#returns = new PieceReturns(linkId, (message) => {
      host.emit(message);
    });
    this.#plan = new RangePlan(torrent.layout);
    this.#body = new WebBody({
      layout: torrent.layout,
      taskOf: (pieceIndex) => this.#tasks.get(pieceIndex),
      source: options.blameKey,
      mayForce: () => ![...this.#tasks.values()].some(({ sink }) => sink.holdsMemory),
    });
    this.#lastArrivalMs = host.nowMs();
    this.#dripSinceMs = this.#lastArrivalMs;
    torrent.links.add(this);
    void this.#loadClient();
  }

  get trade(): this | undefined {
    return this.#isClosed ? undefined : this;
  }

  mayFetch(): boolean {
    return !this.#isClosed;
  }

  /** The piece is this link's; what comes in one turn becomes one request. A web seed never helps. */
  fetch(sink: BlockSink): void {
    if (!(sink instanceof PieceAssembly)) return;
    this.#tasks.set(sink.pieceIndex, { sink, isHelp: false, idleSinceMs: undefined });
    this.#plan.add(sink.pieceIndex);
    this.#pumpSoon();
  }

  wakePiece(pieceIndex: PieceIndex): void {
    if (!this.#tasks.has(pieceIndex)) return;
    this.#plan.askAgain(pieceIndex);
    this.#pumpSoon();
  }

  /** Nothing of the piece is wanted any more. */
  finishPiece(pieceIndex: PieceIndex): void {
    if (!this.#remove(pieceIndex)) return;
    this.#pumpSoon();
  }

  /** Gives a piece back; `piece-released` follows. */
  releasePiece(pieceIndex: PieceIndex): void {
    const task = this.#remove(pieceIndex);
    if (task) this.#returns.giveBack(this.#torrent, task);
  }

  /** Gives a piece back, unless its bytes are arriving: then `piece-kept` follows. */
  releaseUntouched(pieceIndex: PieceIndex): void {
    if (!this.#tasks.has(pieceIndex)) return;
    if (this.#arriving() === pieceIndex || this.#plan.isPassed(pieceIndex)) {
      this.#tell({ type: 'piece-kept', linkId: this.linkId, pieceIndex });
    } else this.releasePiece(pieceIndex);
  }

  stopHelp(): void {
    // It never helps.
  }

  sendHaves(): void {
    // A server is told nothing.
  }

  sendDontHaves(): void {
    // A server is told nothing.
  }

  sendUploadOnly(): void {
    // A server is told nothing.
  }

  sendDhtPort(): void {
    // Neither of our DHT node.
  }

  /** Asks and reads as far as rate limit and memory allow. */
  pump(): void {
    if (this.#isClosed) return;
    this.#ask();
    this.#read();
  }

  handleTick(nowMs: number): void {
    if (this.#isClosed) return;
    for (const [pieceIndex, task] of this.#tasks) this.#lookAfterPassed(pieceIndex, task, nowMs);
    this.pump();
    this.#watch(nowMs);
  }

  measure(nowMs: number): LinkMeasure {
    return {
      linkId: this.linkId,
      downBytesPerSec: this.#downMeter.bytesPerSec(nowMs),
      upBytesPerSec: 0,
      downTotalBytes: this.#downTotalBytes,
      upTotalBytes: 0,
      roundTripMs: this.#roundTripMs,
      inFlightBytes: this.#arrivingBytes(),
      stalledMs: this.#isWaiting() ? nowMs - this.#lastArrivalMs : 0,
    };
  }

  close(reason: CloseReason, message: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#breakOff();
    this.#client?.close();
    for (const pieceIndex of [...this.#tasks.keys()]) this.releasePiece(pieceIndex);
    this.#returned = this.#returns.settled();
    this.#torrent.handleClosed(this);
    this.#onClosed(this);
    void this.#sayClosed(reason, message);
  }

  settled(): Promise<void> {
    return this.#returned;
  }

  async #loadClient(): Promise<void> {
    const client = await openWebClient(this.#host.client);
    if (this.#isClosed) client.close();
    else this.#client = client;
    this.pump();
  }

  async #sayClosed(reason: CloseReason, message: string): Promise<void> {
    await this.#returned;
    this.#tell({ type: 'links-measured', measures: [this.measure(this.#host.nowMs())] });
    this.#tell({ type: 'link-closed', linkId: this.linkId, reason, message });
  }

  /** Whole batches of pieces come one by one: they are asked for together. */
  #pumpSoon(): void {
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    setImmediate(() => {
      this.#pumpScheduled = false;
      this.pump();
    });
  }

  #ask(): void {
    const client = this.#client;
    if (!client) return;
    const nowMs = this.#host.nowMs();
    const rate = this.#downMeter.bytesPerSec(nowMs) / 1000;
    const aheadBytes = Math.max(LEAST_AHEAD_BYTES, rate * (2 * this.#roundTripMs + QUEUE_MS));
    while (this.#fetches.length < MOST_REQUESTS && this.#outstandingBytes() < aheadBytes) {
      const range = this.#plan.next((pieceIndex) => this.#spanOf(pieceIndex));
      if (!range) return;
      if (this.#fetches.length === 0) this.#beginWaiting(nowMs);
      this.#fetches.push(this.#send(client, range, nowMs));
    }
  }

  #send(client: WebClient, range: FileRange, nowMs: number): Fetch {
    const { files, webPaths } = this.#torrent.setup;
    const file = files[range.fileIndex];
    const path = webPaths[range.fileIndex];
    const isPad = file?.path === undefined;
    const fetch: Fetch = {
      range,
      sentMs: nowMs,
      receivedBytes: 0,
      request:
        isPad || path === undefined
          ? undefined
          : new WebRequest({
              client,
              url: webSeedUrl(this.#url, path),
              asked: {
                fileLengthBytes: file.lengthBytes,
                offset: range.fileOffset,
                lengthBytes: range.lengthBytes,
              },
              onHead: () => {
                this.#handleHead(fetch);
              },
              onBytes: (bytes) => this.#take(fetch, bytes),
              onSkipped: (lengthBytes) => {
                this.#count(lengthBytes);
                this.#tellWasted(lengthBytes);
              },
              onDone: () => {
                this.#finish(fetch);
              },
              onFailed: (failure) => {
                this.#fail(failure);
              },
            }),
    };
    return fetch;
  }

  /** Reads the first of the ranges; pad files are made up here. */
  #read(): void {
    for (let fetch = this.#fetches[0]; fetch; fetch = this.#fetches[0]) {
      if (!this.#host.downloadBucket.hasTokens) {
        this.#isHeldUp = true;
        fetch.request?.pause();
        return;
      }
      if (this.#isHeldUp) this.#beginWaiting(this.#host.nowMs());
      if (fetch.request) {
        fetch.request.read();
        return;
      }
      if (!this.#fillPad(fetch)) return;
    }
  }

  /** @returns whether all of it was put */
  #fillPad(fetch: Fetch): boolean {
    while (fetch.receivedBytes < fetch.range.lengthBytes) {
      const zeros = ZEROS.subarray(0, fetch.range.lengthBytes - fetch.receivedBytes);
      const { taken } = this.#body.put(fetch.range.offset + fetch.receivedBytes, zeros);
      fetch.receivedBytes += taken;
      if (taken === zeros.length) continue;
      this.#isHeldUp = true;
      return false;
    }
    this.#finish(fetch);
    return true;
  }

  #handleHead(fetch: Fetch): void {
    const sampleMs = Math.max(this.#host.nowMs() - fetch.sentMs, 0.05);
    this.#roundTripMs = this.#roundTripMs === 0 ? sampleMs : Math.min(this.#roundTripMs, sampleMs);
    this.#lastArrivalMs = this.#host.nowMs();
  }

  #take(fetch: Fetch, bytes: Uint8Array): number {
    if (!this.#host.downloadBucket.hasTokens) {
      this.#isHeldUp = true;
      return 0;
    }
    const { taken, wasted } = this.#body.put(fetch.range.offset + fetch.receivedBytes, bytes);
    fetch.receivedBytes += taken;
    this.#isHeldUp = taken < bytes.length;
    this.#count(taken);
    if (wasted > 0) this.#handleWasted(wasted);
    return taken;
  }

  #count(lengthBytes: number): void {
    const nowMs = this.#host.nowMs();
    this.#lastArrivalMs = nowMs;
    this.#dripBytes += lengthBytes;
    this.#downTotalBytes += lengthBytes;
    this.#downMeter.add(lengthBytes, nowMs);
    this.#host.downloadBucket.take(lengthBytes);
  }

  /** Bytes of a piece that went to somebody else meanwhile. */
  #handleWasted(lengthBytes: number): void {
    this.#tellWasted(lengthBytes);
    if (this.#isWorthReading()) return;
    this.#breakOff();
    this.#pumpSoon();
  }

  #finish(fetch: Fetch): void {
    if (this.#fetches[0] === fetch) this.#fetches.shift();
    this.#plan.handleDone(fetch.range);
    this.#pumpSoon();
  }

  /** Whether something wanted is near enough in what was asked for. */
  #isWorthReading(): boolean {
    const [head] = this.#fetches;
    if (!head || this.#body.isFilling) return true;
    const cursor = head.range.offset + head.receivedBytes;
    let nextOffset = Infinity;
    for (const pieceIndex of this.#tasks.keys()) {
      const span = this.#plan.isPlanned(pieceIndex) ? this.#spanOf(pieceIndex) : undefined;
      if (span && span.endOffset > cursor) nextOffset = Math.min(nextOffset, Math.max(span.startOffset, cursor));
    }
    return nextOffset - cursor <= SKIP_MOST_BYTES;
  }

  /** All requests are broken off; what they were for is asked for anew. */
  #breakOff(): void {
    for (const { request } of this.#fetches.splice(0)) request?.abort();
    this.#body.drop();
    this.#plan.reset();
  }

  #remove(pieceIndex: PieceIndex): Task | undefined {
    const task = this.#tasks.get(pieceIndex);
    if (!task) return undefined;
    this.#body.drop(pieceIndex);
    this.#tasks.delete(pieceIndex);
    this.#plan.remove(pieceIndex);
    return task;
  }

  /**
   * A piece that all requests have passed and that is not whole: helpers have the rest. What they give back is asked for
   * again; what they keep for too long is taken from them.
   */
  #lookAfterPassed(pieceIndex: PieceIndex, task: Task, nowMs: number): void {
    if (!this.#plan.isPassed(pieceIndex) || task.sink.isWhole) {
      task.idleSinceMs = undefined;
      return;
    }
    if (!task.sink.freeSpan()) {
      task.idleSinceMs ??= nowMs;
      if (nowMs - task.idleSinceMs < HELP_PATIENCE_MS) return;
      task.idleSinceMs = nowMs;
      for (const link of this.#torrent.links) link.trade?.stopHelp(pieceIndex);
      task.sink.takeOver();
    }
    this.#plan.askAgain(pieceIndex);
  }

  /** Silence and slowness while we would read. */
  #watch(nowMs: number): void {
    if (!this.#isWaiting()) {
      this.#dripSinceMs = nowMs;
      this.#dripBytes = 0;
      return;
    }
    if (nowMs - this.#lastArrivalMs > STALL_MS) {
      this.#fail({ message: `sent nothing for ${STALL_MS / 1000} s`, isLasting: false });
      return;
    }
    if (nowMs - this.#dripSinceMs < DRIP_WINDOW_MS) return;
    const isDrip = this.#dripBytes < DRIP_LEAST_BYTES && !this.#host.downloadBucket.isLimited;
    this.#dripSinceMs = nowMs;
    this.#dripBytes = 0;
    if (isDrip) this.#fail({ message: 'sends less than 1 KiB/s', isLasting: false });
  }

  #fail(failure: WebFailure): void {
    if (this.#isClosed) return;
    this.#tell({ ...failure, type: 'web-seed-failed', linkId: this.linkId });
    this.close('lost', failure.message);
  }

  /** Whether the server's bytes are what we wait for. */
  #isWaiting(): boolean {
    return this.#fetches.length > 0 && !this.#isHeldUp;
  }

  /** Silence before says nothing about the server. */
  #beginWaiting(nowMs: number): void {
    this.#isHeldUp = false;
    this.#lastArrivalMs = nowMs;
  }

  /** The piece that the next byte belongs to. */
  #arriving(): PieceIndex | undefined {
    const [head] = this.#fetches;
    if (!head || head.receivedBytes >= head.range.lengthBytes) return undefined;
    const cursor = head.range.offset + head.receivedBytes;
    return this.#layout.pieceIndex(Math.floor(cursor / this.#layout.pieceLengthBytes));
  }

  /** Bytes of that piece that are to come: others may take what is behind it. */
  #arrivingBytes(): number {
    const pieceIndex = this.#arriving();
    const [head] = this.#fetches;
    if (!head || pieceIndex === undefined || !this.#tasks.has(pieceIndex)) return 0;
    const endOffset = this.#layout.pieceOffset(pieceIndex) + this.#layout.pieceSize(pieceIndex);
    return endOffset - (head.range.offset + head.receivedBytes);
  }

  #outstandingBytes(): number {
    return this.#fetches.reduce((sum, { range, receivedBytes }) => sum + range.lengthBytes - receivedBytes, 0);
  }

  #spanOf(pieceIndex: PieceIndex): WantedSpan | undefined {
    const free = this.#tasks.get(pieceIndex)?.sink.freeSpan();
    if (!free) return undefined;
    const pieceOffset = this.#layout.pieceOffset(pieceIndex);
    const startOffset = pieceOffset + free.first * BLOCK_LENGTH;
    const lastOffset = pieceOffset + free.last * BLOCK_LENGTH;
    return { startOffset, endOffset: lastOffset + this.#layout.blockSize(pieceIndex, free.last) };
  }

  #tellWasted(bytes: number): void {
    this.#host.emit({ type: 'wasted', torrentId: this.#torrent.setup.torrentId, bytes });
  }

  #tell(event: SwarmEvent): void {
    this.#host.emit({ type: 'swarm', torrentId: this.#torrent.setup.torrentId, event });
  }
}
