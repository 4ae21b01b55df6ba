/** The tracker as a whole: opens the port, answers until it is closed. */
import { randomBytes } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { performance } from 'node:perf_hooks';
import { P2pError } from '../errors.js';
import { checkOption } from '../options.js';
import { Catalogue } from './catalogue.js';
import { CatalogueApi } from './catalogue-http.js';
import { ConnectionIds } from './connection-ids.js';
import { PacketAllowance } from './packet-allowance.js';
import { RequestSources } from './request-source.js';
import { TrackerHttp } from './tracker-http.js';
import * as limits from './tracker-limits.js';
import { TrackerRegistry } from './tracker-registry.js';
import { TrackerServer, type TrackerServerParts } from './tracker-server.js';
import { TrackerCounters, type TrackerStats } from './tracker-stats.js';
import { TrackerUdp } from './tracker-udp.js';
import { UdpServer, type UdpServerParts } from './udp-server.js';

export interface TrackerOptions {
  /** Local address to listen on; all, IPv4 and IPv6, when left out. */
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Whether it answers over UDP too, on the same port number; it does when left out. */
  readonly udp?: boolean;
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
  /** The same over UDP; undefined without UDP. */
  readonly udpUrl: string | undefined;
  stats(): TrackerStats;
  /** Ends all connections and closes the database. Idempotent. */
  close(): Promise<void>;
}

/** How often a part of the peers is looked at, and in how many parts. */
const SWEEP_EVERY_MS = 1_000;
const SWEEP_PARTS = 10;
const LEAST_SWEEP = 1_000;
/** A free TCP port may be taken for UDP; then another one is taken. */
const PORTS_TRIED = 20;

/**
 * Starts a tracker.
 * @throws {P2P_PORT_TAKEN} when another process listens on the port, over TCP or UDP
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
  const udp = new TrackerUdp({
    store: registry,
    counters,
    connectionIds: new ConnectionIds(randomBytes(32)),
    allowance: new PacketAllowance(limits.MAX_PACKETS_PER_SECOND, randomBytes(4).readUInt32LE()),
    nowMs,
  });
  const ports = await openPorts(
    { host: options.host, port },
    { sources, listener: http.handle, answerPlain: http.answerPlain, nowMs },
    (options.udp ?? true) ? { answer: udp.answer, nowMs } : undefined,
  ).catch((error: unknown) => {
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
    await Promise.all([ports.server.close(), ports.udpServer?.close()]);
    lastStats = stats();
    catalogue.close();
  };
  const host = `${hostForPeers(ports.address)}:${ports.port}`;
  return {
    port: ports.port,
    url: `http://${host}/announce`,
    udpUrl: ports.udpServer && `udp://${host}/announce`,
    stats: () => lastStats ?? stats(),
    close: () => (closing ??= close()),
  };
}

interface OpenPorts {
  readonly server: TrackerServer;
  readonly udpServer: UdpServer | undefined;
  readonly address: string;
  readonly port: number;
}

/** Listens over TCP and UDP on one port number. @param udp undefined to leave UDP out */
async function openPorts(
  { host, port }: { readonly host: string | undefined; readonly port: number },
  http: TrackerServerParts,
  udp: UdpServerParts | undefined,
): Promise<OpenPorts> {
  for (let tried = 1; ; tried += 1) {
    const server = new TrackerServer(http);
    const bound = await server.listen(host, port);
    try {
      const udpServer = udp && new UdpServer(udp, bound.address);
      await udpServer?.listen(bound.port);
      return { server, udpServer, address: bound.address, port: bound.port };
    } catch (error) {
      await server.close();
      const isTaken = error instanceof P2pError && error.code === 'P2P_PORT_TAKEN';
      if (port !== 0 || !isTaken || tried === PORTS_TRIED) throw error;
    }
  }
}

/** How peers on this machine write the address that is listened on. */
function hostForPeers(address: string): string {
  if (address === '::' || address === '0.0.0.0' || address === '127.0.0.1') return 'localhost';
  return isIPv6(address) ? `[${address}]` : address;
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
    udpPackets: { ...counters.udpPackets },
    memoryBytes: process.memoryUsage.rss(),
  });
}
