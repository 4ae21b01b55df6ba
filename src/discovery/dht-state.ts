/**
 * What a DHT node keeps between runs: its id, and nodes to enter by. One file for each UDP port, which two processes
 * cannot have at once, so that they never share an id.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import path from 'node:path';

import type { PeerAddress } from '../protocol/peer-address.js';

const MOST_NODES = 100;

export interface DhtState {
  /** 40 hex digits. */
  readonly nodeId: string;
  readonly nodes: readonly PeerAddress[];
}

/**
 * What was kept; undefined when nothing was, or it is damaged.
 * @param network names the DHT that the nodes belong to; nodes of another one are left out
 */
export async function readDhtState(stateDir: string, port: number, network: string): Promise<DhtState | undefined> {
  try {
    const kept: unknown = JSON.parse(await readFile(fileOf(stateDir, port), 'utf8'));
    if (typeof kept !== 'object' || kept === null) return undefined;
    const { nodeId, nodes, network: itsNetwork } = kept as Record<string, unknown>;
    if (typeof nodeId !== 'string' || !/^[0-9a-f]{40}$/.test(nodeId)) return undefined;
    const usable = itsNetwork === network && Array.isArray(nodes) ? nodes.filter(isNode).slice(0, MOST_NODES) : [];
    return { nodeId, nodes: usable };
  } catch (error) {
    if (error instanceof SyntaxError || typeof (error as NodeJS.ErrnoException).code === 'string') return undefined;
    throw error;
  }
}

/** Replaces what was kept; a disk that refuses costs a node its memory and nothing else. */
export async function writeDhtState(
  stateDir: string,
  port: number,
  { network, nodeId, nodes }: DhtState & { readonly network: string },
): Promise<void> {
  const file = fileOf(stateDir, port);
  const kept = { nodeId, network, nodes: nodes.slice(0, MOST_NODES).map(({ host, port: at }) => ({ host, port: at })) };
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(`${file}.new`, JSON.stringify(kept));
    await rename(`${file}.new`, file);
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code !== 'string') throw error;
  }
}

function fileOf(stateDir: string, port: number): string {
  return path.join(stateDir, 'dht', `${port}.json`);
}

function isNode(value: unknown): value is PeerAddress {
  if (typeof value !== 'object' || value === null) return false;
  const { host, port } = value as Record<string, unknown>;
  return typeof host === 'string' && isIPv4(host) && typeof port === 'number' && port >= 1 && port <= 65_535;
}
