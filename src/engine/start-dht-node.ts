/** A node of the DHT by itself: what peers of a closed network enter by. */
import { isIPv4 } from 'node:net';

import { openDhtNode, type DhtNodeOptions as NodeOptions } from '../discovery/dht-node.js';
import { OptionError } from '../errors.js';
import { checkOption } from '../options.js';

export type DhtNodeOptions = Pick<NodeOptions, 'host' | 'port' | 'bootstrap' | 'stateDir'>;

export interface RunningDhtNode {
  /** UDP port. */
  readonly port: number;
  /** Nodes that it knows, up to a few hundred. */
  readonly nodeCount: number;
  /** Keeps what it knows, and ends. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts a node.
 * @throws {P2P_PORT_TAKEN} when another process has the port
 * @throws {P2P_OPTION_INVALID} when port or host are no such thing
 */
export async function startDhtNode(options: DhtNodeOptions): Promise<RunningDhtNode> {
  const { host } = options;
  const port = checkOption('dhtPort', options.port);
  if (host !== undefined && !isIPv4(host)) throw new OptionError(`'${host}' is no IPv4 address; the DHT has no others`);
  try {
    return await openDhtNode({ ...options, portIsFixed: true });
  } catch (error) {
    throw explain(error, port, host);
  }
}

function explain(error: unknown, port: number, host: string | undefined): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return new OptionError(
        `UDP port ${port} is taken by another process; choose another with --port`,
        { port },
        'P2P_PORT_TAKEN',
      );
    case 'EACCES':
      return new OptionError(`UDP port ${port} needs more rights than this process has; choose one above 1023`);
    case 'EADDRNOTAVAIL':
      return new OptionError(`'${host ?? '0.0.0.0'}' is no address of this machine; leave --host out to listen on all`);
    default:
      return error;
  }
}
