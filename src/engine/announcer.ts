/** Performs announces of one torrent and reports what the trackers say to its swarm. */
import { randomBytes } from 'node:crypto';

import { P2pError } from '../errors.js';
import type { InfoHash } from '../metainfo/metainfo.js';
import type { PeerId } from '../protocol/peer-address.js';
import type { SwarmAction, SwarmEvent } from '../swarm/swarm-events.js';
import type { AnnounceGate } from './announce-gate.js';
import type { TrackerClient } from '../tracker/tracker-client.js';

/** Payload so far, as trackers want to know it (BEP 3). */
export interface TransferTotals {
  readonly uploadedBytes: number;
  readonly downloadedBytes: number;
  readonly leftBytes: number;
}

export interface AnnouncerOptions {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** Where we listen. */
  readonly port: number;
  /** Local address to announce from; the system's choice when left out. */
  readonly localAddress?: string | undefined;
  /** Shared by all torrents of the process. */
  readonly gate: AnnounceGate;
  readonly client: Pick<TrackerClient, 'announce'>;
  readonly onEvent: (event: Extract<SwarmEvent, { type: 'announce-succeeded' | 'announce-failed' }>) => void;
  readonly onAnnounced: (url: string, seeders: number | undefined, leechers: number | undefined) => void;
}

export class Announcer {
  readonly #options: AnnouncerOptions;
  /** Tells the tracker that we are the same peer though our address may change. */
  readonly #key = randomBytes(4).toString('hex');
  readonly #running = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  readonly #goodbye = new AbortController();

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  announce(action: Extract<SwarmAction, { readonly type: 'announce' }>, totals: TransferTotals): void {
    const signal = action.event === 'stopped' ? this.#goodbye.signal : this.#abort.signal;
    const running: Promise<void> = this.#options.gate
      .run(action.url, () => this.#announce(action, totals, signal), signal, action.event === 'stopped')
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Waits for the goodbyes under way, at most `patienceMs`, and gives up all others. */
  async finish(patienceMs: number): Promise<void> {
    this.#abort.abort();
    const timer = setTimeout(() => {
      this.#goodbye.abort();
    }, patienceMs);
    await Promise.all(this.#running);
    clearTimeout(timer);
  }

  async #announce(
    action: Extract<SwarmAction, { readonly type: 'announce' }>,
    totals: TransferTotals,
    signal: AbortSignal,
  ): Promise<void> {
    const { url, event, numWant } = action;
    const { infoHash, peerId, port, localAddress, client, onEvent, onAnnounced } = this.#options;
    try {
      const about = { infoHash, peerId, port, localAddress, key: this.#key, ...totals };
      const patience = action.hasAlternative ? 'short' : 'long';
      const reply = await client.announce({ url, event, numWant, patience, signal, ...about });
      if (signal.aborted) return;
      onAnnounced(url, reply.seeders, reply.leechers);
      onEvent({
        type: 'announce-succeeded',
        url,
        intervalMs: reply.intervalMs,
        minIntervalMs: reply.minIntervalMs,
        peers: reply.peers,
        ...(reply.seeders === undefined ? {} : { seeders: reply.seeders }),
        ...(reply.leechers === undefined ? {} : { leechers: reply.leechers }),
      });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof P2pError)) throw error;
      onEvent({ type: 'announce-failed', url, message: error.message });
    }
  }
}
