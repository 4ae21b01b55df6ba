/** Opens the ports that other peers connect to. */
import { P2pError } from '../errors.js';
import type { WorkerPool } from '../workers/worker-pool.js';

/** How far the default port moves on when it is taken. */
const PORTS_TRIED = 100;
const LAST_PORT = 65_535;

/** What is needed of the worker pool. */
export type ListenPool = Pick<WorkerPool, 'hostCount' | 'request'>;

export interface ListenRequest {
  /** All addresses when left out. */
  readonly host: string | undefined;
  /** 0 takes any free one. */
  readonly port: number;
  /** A taken port is an error; otherwise the next one is tried. */
  readonly portIsFixed: boolean;
  /** Further ports behind the first, each in the next worker. */
  readonly portCount: number;
}

/**
 * @returns the open ports, the announced one first; the worker of each is `hostOfPort`
 * @throws {P2P_PORT_TAKEN} when a fixed port is taken, or none of a hundred is free
 */
export async function openListeners(pool: ListenPool, request: ListenRequest): Promise<number[]> {
  const first = await openOne(pool, 0, request.port, request);
  const ports = [first];
  for (let index = 1; index < request.portCount; index += 1) {
    const next = request.port === 0 ? 0 : (ports[ports.length - 1] ?? first) + 1;
    ports.push(await openOne(pool, hostOfPort(pool, index), next, request));
  }
  return ports;
}

/** Opens again what a worker thread held that died. */
export async function reopenListeners(
  pool: ListenPool,
  hostIndex: number,
  { host, ports }: { readonly host: string | undefined; readonly ports: readonly number[] },
): Promise<void> {
  for (const [index, port] of ports.entries()) {
    if (hostOfPort(pool, index) === hostIndex) await pool.request(hostIndex, { type: 'listen', host, port });
  }
}

function hostOfPort(pool: ListenPool, index: number): number {
  return index % pool.hostCount;
}

async function openOne(pool: ListenPool, hostIndex: number, port: number, request: ListenRequest): Promise<number> {
  const last = request.portIsFixed || port === 0 ? port : Math.min(port + PORTS_TRIED, LAST_PORT);
  for (let tried = port; ; tried += 1) {
    try {
      const bound = await pool.request(hostIndex, { type: 'listen', host: request.host, port: tried });
      return bound ?? tried;
    } catch (error) {
      if (!(error instanceof P2pError) || error.code !== 'P2P_PORT_TAKEN' || tried >= last) throw error;
    }
  }
}
