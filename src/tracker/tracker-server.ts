/** The HTTP server under the tracker: its bounds, its port, its end. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { OptionError } from '../errors.js';
import { isLoopbackHost, normaliseHost } from '../protocol/peer-address.js';
import { ConnectionCount } from './connection-count.js';
import type { RequestSources } from './request-source.js';
import * as limits from './tracker-limits.js';

/** Answers under way may end within this time when the server closes. */
const CLOSE_GRACE_MS = 500;

/** An HTTP server with the tracker's bounds, not listening yet. */
export function makeServer(listener: RequestListener, sources: RequestSources): Server {
  const server = createServer(
    {
      maxHeaderSize: limits.MAX_HEADER_BYTES,
      headersTimeout: limits.HEADER_TIMEOUT_MS,
      requestTimeout: limits.REQUEST_TIMEOUT_MS,
      keepAliveTimeout: limits.KEEP_ALIVE_MS,
      connectionsCheckingInterval: 1_000,
      noDelay: true,
    },
    listener,
  );
  server.maxConnections = limits.MAX_CONNECTIONS;
  limitConnections(server, sources);
  return server;
}

/** At most so many connections from one address; the next one is closed at once. */
function limitConnections(server: Server, sources: RequestSources): void {
  const connections = new ConnectionCount(limits.MAX_CONNECTIONS_OF_ADDRESS);
  server.on('connection', (socket: Socket) => {
    const host = normaliseHost(socket.remoteAddress ?? '');
    if (isLoopbackHost(host) || sources.isTrustedProxy(host)) return;
    if (!connections.open(host)) socket.destroy();
    else socket.once('close', () => connections.close(host));
  });
}

/**
 * Begins to listen.
 * @returns the port; without a host, on IPv6 and IPv4, or on IPv4 alone where there is no IPv6
 * @throws {P2P_PORT_TAKEN} {P2P_OPTION_INVALID}
 */
export async function listen(server: Server, host: string | undefined, port: number): Promise<number> {
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

/** Stops listening, lets answers under way end, then ends all connections. */
export async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  const grace = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await closed;
  clearTimeout(grace);
}
