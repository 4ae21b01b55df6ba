/** The tracker as a whole: opens the port, answers until it is closed. */
import { performance } from 'node:perf_hooks';
import { checkOption } from '../options.js';
import { Catalogue } from './catalogue.js';
import { CatalogueApi } from './catalogue-http.js';
import { RequestSources } from './request-source.js';
import { TrackerHttp } from './tracker-http.js';
import * as limits from './tracker-limits.js';
import { TrackerRegistry } from './tracker-registry.js';
import { TrackerServer } from './tracker-server.js';
import { TrackerCounters, type TrackerStats } from './tracker-stats.js';

export interface TrackerOptions {
  /** Local address to listen on; all, IPv4 and IPv6, when left out. */
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Folder of the catalogue's database, created when absent. */
  readonly stateDir: string;
  /** Publishing needs this secret when it is set. */
  readonly token?: string;
  /** Addresses or subnets of reverse proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies?: readonly string[];
  /** Called with things worth a line that stop nothing. */
  readonly onNote?: (message: string) => void;
}

export interface RunningTracker {
  readonly port: number;
  /** The announce URL for peers on this host. */
  readonly url: string;
  stats(): TrackerStats;
  /** Ends all connections and closes the database. Idempotent. */
  close(): Promise<void>;
}

/** How often a part of the peers is looked at, and in how many parts. */
const SWEEP_EVERY_MS = 1_000;
const SWEEP_PARTS = 10;
const LEAST_SWEEP = 1_000;

/**
 * Starts a tracker.
 * @throws {P2P_PORT_TAKEN} when another process listens on the port
 * @throws {P2P_OPTION_INVALID} when the port, the host or a proxy is no such thing
 * @throws {P2P_STATE_UNUSABLE} {P2P_STATE_NEWER} {P2P_DISK_FULL} {P2P_DISK_FAILED} when the catalogue cannot be opened
 */
export async function startTracker(options: TrackerOptions): Promise<RunningTracker> {
  const port = checkOption('trackerPort', options.port);
  const sources = new RequestSources(options.trustedProxies ?? []);
  const onNote = options.onNote ?? (() => undefined);
  const catalogue = new Catalogue({ stateDir: options.stateDir, maxBytes: limits.MAX_CATALOGUE_BYTES, onNote });
  const counters = new TrackerCounters();
  const registry = new TrackerRegistry({
    expiryMs: limits.PEER_EXPIRY_MS,
    maxPeers: limits.MAX_PEERS,
    random: Math.random,
  });
  const nowMs = (): number => performance.now();
  const api = new CatalogueApi({
    catalogue,
    store: registry,
    counters,
    token: options.token,
    nowMs,
    wallClockMs: Date.now,
    onNote,
  });
  const stats = statsOf({ registry, counters, catalogue });
  const http = new TrackerHttp({ store: registry, sources, counters, catalogue: api, stats, nowMs, onNote });
  const server = new TrackerServer({ sources, listener: http.handle, answerPlain: http.answerPlain, nowMs });
  const boundPort = await server.listen(options.host, port).catch((error: unknown) => {
    catalogue.close();
    throw error;
  });
  const sweeping = setInterval(() => {
    registry.sweep(performance.now(), Math.max(LEAST_SWEEP, Math.ceil(registry.peerCount / SWEEP_PARTS)));
  }, SWEEP_EVERY_MS);

  let closing: Promise<void> | undefined;
  let lastStats: TrackerStats | undefined;
  const close = async (): Promise<void> => {
    clearInterval(sweeping);
    await server.close();
    lastStats = stats();
    catalogue.close();
  };
  return {
    port: boundPort,
    url: `http://localhost:${boundPort}/announce`,
    stats: () => lastStats ?? stats(),
    close: () => (closing ??= close()),
  };
}

interface StatsSources {
  readonly registry: TrackerRegistry;
  readonly counters: TrackerCounters;
  readonly catalogue: Catalogue;
}

function statsOf({ registry, counters, catalogue }: StatsSources): () => TrackerStats {
  const startedAtMs = performance.now();
  return () => ({
    uptimeMs: Math.round(performance.now() - startedAtMs),
    torrents: registry.swarmCount,
    peers: registry.peerCount,
    seeders: registry.seederCount,
    catalogueEntries: catalogue.count,
    announces: { ...counters.announces },
    scrapes: counters.scrapes,
    published: counters.published,
    rejected: counters.rejected,
    responses: { ...counters.responses },
    memoryBytes: process.memoryUsage.rss(),
  });
}
