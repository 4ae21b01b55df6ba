/** The tracker as a whole: opens the port, answers until it is closed. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { OptionError } from '../errors.js';
import { checkOption } from '../options.js';
import { isLoopbackHost, normaliseHost } from '../protocol/peer-address.js';
import { RequestSources } from './request-source.js';
import { TrackerHttp, textAnswer } from './tracker-http.js';
import * as limits from './tracker-limits.js';
import { TrackerRegistry } from './tracker-registry.js';
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
/** Answers under way may end within this time when the tracker closes. */
const CLOSE_GRACE_MS = 500;

/**
 * Starts a tracker.
 * @throws {P2P_PORT_TAKEN} when another process listens on the port
 * @throws {P2P_OPTION_INVALID} when the port, the host or a proxy is no such thing
 */
export async function startTracker(options: TrackerOptions): Promise<RunningTracker> {
  const port = checkOption('trackerPort', options.port);
  const sources = new RequestSources(options.trustedProxies ?? []);
  const counters = new TrackerCounters();
  const registry = new TrackerRegistry({
    expiryMs: limits.PEER_EXPIRY_MS,
    maxPeers: limits.MAX_PEERS,
    random: Math.random,
  });
  const startedAtMs = performance.now();
  const stats = (): TrackerStats => ({
    uptimeMs: Math.round(performance.now() - startedAtMs),
    torrents: registry.swarmCount,
    peers: registry.peerCount,
    seeders: registry.seederCount,
    catalogueEntries: 0,
    announces: { ...counters.announces },
    scrapes: counters.scrapes,
    published: counters.published,
    rejected: counters.rejected,
    responses: { ...counters.responses },
    memoryBytes: process.memoryUsage.rss(),
  });
  const catalogue = { answer: () => Promise.resolve(textAnswer(404, 'this tracker has no catalogue')) };
  const http = new TrackerHttp({
    store: registry,
    sources,
    counters,
    catalogue,
    stats,
    nowMs: () => performance.now(),
  });
  const server = makeServer(http, sources);
  const boundPort = await listen(server, options.host, port);
  const sweeping = setInterval(() => {
    registry.sweep(performance.now(), Math.max(LEAST_SWEEP, Math.ceil(registry.peerCount / SWEEP_PARTS)));
  }, SWEEP_EVERY_MS);

  let closing: Promise<void> | undefined;
  return {
    port: boundPort,
    url: `http://localhost:${boundPort}/announce`,
    stats,
    close: () => {
      clearInterval(sweeping);
      return (closing ??= closeServer(server));
    },
  };
}

function makeServer(http: TrackerHttp, sources: RequestSources): Server {
  const server = createServer(
    {
      maxHeaderSize: limits.MAX_HEADER_BYTES,
      headersTimeout: limits.HEADER_TIMEOUT_MS,
      requestTimeout: limits.REQUEST_TIMEOUT_MS,
      keepAliveTimeout: limits.KEEP_ALIVE_MS,
      connectionsCheckingInterval: 1_000,
      noDelay: true,
    },
    http.handle,
  );
  server.maxConnections = limits.MAX_CONNECTIONS;
  limitConnections(server, sources);
  return server;
}

/** At most so many connections from one address; the next one is closed at once. */
function limitConnections(server: Server, sources: RequestSources): void {
  const counts = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const host = normaliseHost(socket.remoteAddress ?? '');
    if (isLoopbackHost(host) || sources.isTrustedProxy(host)) return;
    const count = (counts.get(host) ?? 0) + 1;
    counts.set(host, count);
    socket.once('close', () => {
      const left = (counts.get(host) ?? 1) - 1;
      if (left === 0) counts.delete(host);
      else counts.set(host, left);
    });
    if (count > limits.MAX_CONNECTIONS_OF_ADDRESS) socket.destroy();
  });
}

/** @returns the port; without a host, on IPv6 and IPv4, or on IPv4 alone where there is no IPv6 */
async function listen(server: Server, host: string | undefined, port: number): Promise<number> {
  try {
    await listenOn(server, host ?? '::', port);
  } catch (error) {
    const code = errnoCodeOf(error);
    if (host !== undefined || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw explain(error, host, port);
    await listenOn(server, '0.0.0.0', port).catch((second: unknown) => {
      throw explain(second, host, port);
    });
  }
  return (server.address() as AddressInfo).port;
}

function listenOn(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function explain(error: unknown, host: string | undefined, port: number): unknown {
  const where = host === undefined ? `port ${port}` : `port ${port} of ${host}`;
  switch (errnoCodeOf(error)) {
    case 'EADDRINUSE':
      return new OptionError(
        `${where} is taken by another process: stop it (perhaps a tracker runs already), or choose another with --port`,
        { port },
        'P2P_PORT_TAKEN',
      );
    case 'EACCES':
      return new OptionError(`${where} needs more rights than this process has; choose one above 1023 with --port`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EINVAL':
      return new OptionError(`'${host ?? '::'}' is no address of this machine; leave --host out to listen on all`);
    default:
      return error;
  }
}

function errnoCodeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  const grace = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await closed;
  clearTimeout(grace);
}
