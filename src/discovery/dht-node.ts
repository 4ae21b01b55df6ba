/**
 * Our node of the DHT (BEP 5), run by the package `bittorrent-dht` behind a guarded socket. IPv4 alone, as the package.
 *
 * Thread: the main one. The package is loaded when the first node is opened.
 */
import { randomBytes } from 'node:crypto';

import type Dht from 'bittorrent-dht';

import { isWithinReach, type PeerAddress } from '../protocol/peer-address.js';
import { DhtLookups } from '../swarm/dht-lookups.js';
import { DhtSocket } from './dht-socket.js';
import { readDhtState, writeDhtState } from './dht-state.js';

/** Where to enter the public DHT. */
export const PUBLIC_DHT_NODES: readonly PeerAddress[] = [
  { host: 'router.bittorrent.com', port: 6_881 },
  { host: 'router.utorrent.com', port: 6_881 },
  { host: 'dht.transmissionbt.com', port: 6_881 },
  { host: 'dht.libtorrent.org', port: 25_401 },
];

const SAVE_EVERY_MS = 600_000;
/** BEP 5 leaves it open; announces come again at least every half hour. */
const PEER_AGE_MS = 2_700_000;
const MOST_PEERS = 10_000;
const MOST_TABLES = 1_000;
/** Peers taken of one look-up. */
const MOST_FOUND = 200;

export interface DhtNodeOptions {
  /** UDP port; 0 takes any. */
  readonly port: number;
  /** With a fixed port a taken one is an error; otherwise any free one is used. */
  readonly portIsFixed?: boolean;
  /** Local IPv4 address; all when left out. */
  readonly host?: string | undefined;
  /** Nodes to enter by: names or IPv4 addresses. */
  readonly bootstrap: readonly PeerAddress[];
  /** Folder that keeps the node's id and neighbours between runs. */
  readonly stateDir: string;
  readonly onPeer?: (infoHash: string, address: PeerAddress) => void;
}

/** @throws what the system says when the port cannot be had, such as EADDRINUSE */
export async function openDhtNode(options: DhtNodeOptions): Promise<DhtNode> {
  const socket = await openSocket(options);
  const network = options.bootstrap.map(({ host, port }) => `${host}:${port}`).join();
  const { port } = socket.address();
  // An id belongs to a port; a port that nobody chose will be another one next time.
  const isKept = port === options.port;
  const kept = isKept ? await readDhtState(options.stateDir, port, network) : undefined;
  const nodeId = kept?.nodeId ?? randomBytes(20).toString('hex');
  const { default: DHT } = await import('bittorrent-dht');
  const dht = new DHT({
    nodeId: Buffer.from(nodeId, 'hex'),
    bootstrap: options.bootstrap.length > 0 ? options.bootstrap : false,
    socket,
    maxAge: PEER_AGE_MS,
    maxPeers: MOST_PEERS,
    maxTables: MOST_TABLES,
  });
  for (const node of kept?.nodes ?? []) dht.addNode(node);
  const save = async (): Promise<void> => {
    if (isKept) await writeDhtState(options.stateDir, port, { nodeId, network, nodes: dht.toJSON().nodes });
  };
  return new DhtNode(dht, { port, save, onPeer: options.onPeer ?? (() => undefined) });
}

export class DhtNode {
  /** UDP port. */
  readonly port: number;
  readonly #dht: Dht;
  readonly #save: () => Promise<void>;
  readonly #lookups = new DhtLookups();
  readonly #portOf = new Map<string, number>();
  readonly #saveTimer: NodeJS.Timeout;
  /** Peers that the look-ups under way have found. */
  readonly #foundBy = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    dht: Dht,
    settings: {
      readonly port: number;
      readonly save: () => Promise<void>;
      readonly onPeer: (infoHash: string, address: PeerAddress) => void;
    },
  ) {
    this.port = settings.port;
    this.#dht = dht;
    this.#save = settings.save;
    dht.on('peer', (peer: PeerAddress, infoHash: Uint8Array, from: { readonly address?: string } | null) => {
      const hash = Buffer.from(infoHash).toString('hex');
      if (this.#believes(hash, peer, from?.address ?? peer.host)) settings.onPeer(hash, peer);
    });
    // Replies that came late, nodes that are gone: the package says each as a warning.
    dht.on('warning', () => undefined);
    dht.on('error', () => undefined);
    dht.listen();
    this.#saveTimer = setInterval(() => void this.#save(), SAVE_EVERY_MS);
  }

  /** Nodes that it knows, up to a few hundred. */
  get nodeCount(): number {
    return this.#dht.toJSON().nodes.length;
  }

  /**
   * Looks for peers of the torrent and announces it, again and again.
   * @param peerPort where we accept peers of it
   */
  join(infoHash: string, peerPort: number): void {
    this.#portOf.set(infoHash, peerPort);
    this.#lookups.add(infoHash, performance.now());
    this.#schedule();
  }

  /** Nobody is told: what was announced expires. */
  leave(infoHash: string): void {
    this.#portOf.delete(infoHash);
    this.#lookups.remove(infoHash);
    this.#schedule();
  }

  /** A node that a peer told of. It is asked before it counts. */
  addNode({ host, port }: PeerAddress): void {
    if (!this.#closing && !host.includes(':')) this.#dht.addNode({ host, port });
  }

  /** Keeps what it knows, and ends. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#timer);
    clearInterval(this.#saveTimer);
    await this.#save();
    await new Promise<void>((resolve) => {
      this.#dht.destroy(resolve);
    });
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const { nextMs } = this.#lookups;
    if (nextMs === undefined || this.#closing) return;
    this.#timer = setTimeout(
      () => {
        const nowMs = performance.now();
        for (let hash = this.#lookups.poll(nowMs); hash; hash = this.#lookups.poll(nowMs)) this.#lookUp(hash);
        this.#schedule();
      },
      Math.max(0, nextMs - performance.now()),
    );
  }

  #lookUp(infoHash: string): void {
    const bytes = Buffer.from(infoHash, 'hex');
    this.#foundBy.set(infoHash, 0);
    const done = (): void => {
      this.#foundBy.delete(infoHash);
      this.#lookups.handleDone(infoHash, performance.now());
      this.#schedule();
    };
    this.#dht.lookup(bytes, () => {
      const port = this.#portOf.get(infoHash);
      if (port === undefined || this.#closing) done();
      else this.#dht.announce(bytes, port, done);
    });
  }

  /** Any node may tell anything: a bounded number, and only addresses that it can know. */
  #believes(infoHash: string, peer: PeerAddress, witness: string): boolean {
    const found = this.#foundBy.get(infoHash);
    if (found === undefined || found >= MOST_FOUND || !isWithinReach(peer.host, witness)) return false;
    this.#foundBy.set(infoHash, found + 1);
    return true;
  }
}

async function openSocket({ port, portIsFixed = false, host }: DhtNodeOptions): Promise<DhtSocket> {
  try {
    return await DhtSocket.open(port, host);
  } catch (error) {
    if (portIsFixed || port === 0 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return DhtSocket.open(0, host);
  }
}
