/** The main thread of a test: a real worker pool with one torrent, its messages kept, its links driven by hand. */
import type { ErrorValue } from '../../src/errors.js';
import { Bitfield } from '../../src/protocol/bitfield.js';
import type { PartialPiece, SwarmEvent } from '../../src/swarm/swarm-events.js';
import type { FromWorker, TorrentFile, TorrentSetup } from '../../src/workers/worker-messages.js';
import { WorkerPool, type WorkerPoolConfig } from '../../src/workers/worker-pool.js';
import type { TorrentOnDisk } from './torrent-on-disk.js';

export const TORRENT_ID = 7;

type EventOf<Type extends SwarmEvent['type']> = Extract<SwarmEvent, { readonly type: Type }>;

export interface DriverOptions extends Partial<WorkerPoolConfig> {
  readonly torrent?: TorrentOnDisk;
  readonly files?: readonly TorrentFile[];
  readonly infoHash?: Uint8Array;
  readonly writes?: boolean;
  /** Pieces that may be served; none when left out. */
  readonly offers?: 'all';
}

export class PoolDriver {
  readonly pool: WorkerPool;
  readonly events: { readonly hostIndex: number; readonly event: SwarmEvent }[] = [];
  readonly others: Exclude<FromWorker, { type: 'swarm' }>[] = [];
  readonly lost: { readonly hostIndex: number; readonly error: ErrorValue }[] = [];
  readonly offered: Bitfield;
  readonly #options: DriverOptions;
  readonly #claims = new Map<number, SharedArrayBuffer>();
  readonly #listeners = new Set<() => void>();
  readonly #hostOfLink = new Map<number, number>();
  #linkSerial = 0;

  constructor(options: DriverOptions = {}) {
    this.#options = options;
    const pieceCount = options.torrent?.layout.pieceCount ?? 0;
    this.offered = Bitfield.shared(pieceCount);
    if (options.offers === 'all') this.offered.fill();
    this.pool = new WorkerPool({
      threads: 2,
      memoryMiB: 16,
      openFiles: 16,
      hashPluginUrls: [],
      client: 'p2p/test',
      uploadLimitBytesPerSec: undefined,
      downloadLimitBytesPerSec: undefined,
      onMessage: (hostIndex, message) => {
        this.#handle(hostIndex, message);
      },
      onBatchEnd: () => {
        this.#changed();
      },
      onHostLost: (hostIndex, error) => {
        this.lost.push({ hostIndex, error });
        this.#changed();
      },
      ...options,
    });
    if (options.torrent) this.pool.broadcast({ type: 'add-torrent', torrent: this.setup(options.torrent) });
  }

  setup(torrent: TorrentOnDisk): TorrentSetup {
    return {
      torrentId: TORRENT_ID,
      infoHash: this.#options.infoHash ?? new Uint8Array(20).fill(3),
      peerId: new Uint8Array(20).fill(65 + Math.floor(Math.random() * 26)),
      pieceLengthBytes: torrent.layout.pieceLengthBytes,
      files: this.#options.files ?? torrent.torrentFiles,
      digests: torrent.digests,
      webPaths: [],
      verifyWith: undefined,
      offered: this.offered.bytes.buffer as SharedArrayBuffer,
      writes: this.#options.writes ?? true,
      uploadOnly: this.#options.writes === false,
      listenPorts: [],
      metadataBytes: undefined,
      isPrivate: false,
      dhtPort: undefined,
    };
  }

  /** Waits until something that came makes `find` give an answer. */
  async until<Found>(find: () => Found | undefined | false): Promise<Found> {
    for (;;) {
      const found = find();
      if (found !== undefined && found !== false) return found;
      await new Promise<void>((resolve) => this.#listeners.add(resolve));
    }
  }

  /** The next event of that type of a link, or the first that was said already. */
  async event<Type extends SwarmEvent['type']>(type: Type, linkId?: number): Promise<EventOf<Type>> {
    return this.until(() => this.said(type, linkId)[0]);
  }

  said<Type extends SwarmEvent['type']>(type: Type, linkId?: number): EventOf<Type>[] {
    return this.events.flatMap(({ event }) =>
      event.type === type && (linkId === undefined || ('linkId' in event && event.linkId === linkId))
        ? [event as EventOf<Type>]
        : [],
    );
  }

  /** Dials from a worker, admits, says that we are interested. @returns the link's id */
  async dial(port: number, hostIndex = 0): Promise<number> {
    const linkId = (this.#linkSerial += 2);
    this.#hostOfLink.set(linkId, hostIndex);
    this.act(linkId, { type: 'dial', address: { host: '127.0.0.1', port } });
    await this.event('link-handshaken', linkId);
    this.act(linkId, { type: 'admit', blameKey: `link ${linkId}` });
    this.act(linkId, { type: 'interested' });
    return linkId;
  }

  /** Admits whoever dials us, and unchokes it. @returns its link id */
  async acceptNext(known: readonly number[] = []): Promise<number> {
    const { hostIndex, event } = await this.until(() =>
      this.events.find(
        ({ event }) => event.type === 'link-handshaken' && event.incoming && !known.includes(event.linkId),
      ),
    );
    if (event.type !== 'link-handshaken') throw new Error('no handshake');
    this.#hostOfLink.set(event.linkId, hostIndex);
    this.act(event.linkId, { type: 'admit', blameKey: `link ${event.linkId}` });
    this.act(event.linkId, { type: 'unchoke' });
    return event.linkId;
  }

  act(linkId: number, action: Record<string, unknown> & { readonly type: string }): void {
    const hostIndex = this.#hostOfLink.get(linkId) ?? 0;
    const pieceIndex = action['pieceIndex'] as number;
    const claims = this.#claims.get(pieceIndex);
    this.pool.send(hostIndex, {
      type: 'link',
      torrentId: TORRENT_ID,
      action: { linkId, ...action } as never,
      ...(claims ? { claims } : {}),
    });
  }

  fetch(linkId: number, pieceIndex: number, partial: PartialPiece = []): void {
    const { torrent } = this.#options;
    const blockCount = torrent?.layout.blockCount(torrent.piece(pieceIndex)) ?? 1;
    this.#claims.set(pieceIndex, new SharedArrayBuffer(blockCount));
    this.act(linkId, { type: 'fetch-piece', pieceIndex, partial });
  }

  help(linkId: number, ownerLinkId: number, pieceIndex: number): void {
    this.act(linkId, { type: 'help-piece', pieceIndex, ownerLinkId, partial: [] });
  }

  #handle(hostIndex: number, message: FromWorker): void {
    if (message.type === 'swarm') {
      this.events.push({ hostIndex, event: message.event });
      return;
    }
    this.others.push(message);
    if (message.type === 'ferried') {
      const owner = this.#hostOfLink.get(message.ferried.ownerLinkId);
      if (owner !== undefined) this.pool.send(owner, message);
    }
  }

  #changed(): void {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }
}
