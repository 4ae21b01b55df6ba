/**
 * Finds peers beside the trackers, for all torrents of a process at once. Each way begins when the first torrent wants it.
 * Private torrents never come here (BEP 27).
 */
import { openDhtNode, PUBLIC_DHT_NODES, type DhtNode } from '../discovery/dht-node.js';
import { LocalDiscovery } from '../discovery/local-discovery.js';
import { toErrorValue } from '../errors.js';
import type { InfoHash } from '../metainfo/metainfo.js';
import type { PeerAddress } from '../protocol/peer-address.js';
import type { PeerSource } from '../swarm/peer-source.js';

export interface PeerFindingOptions {
  /** Whether to look in the local network (BEP 14). */
  readonly localDiscovery: boolean;
  /** Where to enter the DHT; the public one when left out. */
  readonly dhtBootstrap: readonly PeerAddress[] | undefined;
  readonly bindHost: string | undefined;
  readonly stateDir: string;
  readonly onNote: (message: string) => void;
}

/** A torrent that looks for peers. */
export interface SearchingTorrent {
  readonly infoHash: InfoHash;
  /** Where it accepts them. */
  readonly port: number;
  readonly usesDht: boolean;
  readonly onFound: (address: PeerAddress, source: PeerSource) => void;
  /** Our DHT node listens on this UDP port. */
  readonly onDhtPort?: (port: number) => void;
}

export class PeerFinding {
  readonly #options: PeerFindingOptions;
  /** A process may have several copies of one torrent. */
  readonly #torrents = new Map<InfoHash, Set<SearchingTorrent>>();
  #local: LocalDiscovery | undefined;
  #dhtOpening: Promise<void> | undefined;
  #dht: DhtNode | undefined;
  #isClosed = false;

  constructor(options: PeerFindingOptions) {
    this.#options = options;
  }

  /** Looks for peers from now on. @returns what ends that */
  join(torrent: SearchingTorrent): () => void {
    if (this.#isClosed) return () => undefined;
    const { infoHash } = torrent;
    const copies = this.#torrents.get(infoHash) ?? new Set();
    copies.add(torrent);
    this.#torrents.set(infoHash, copies);
    this.#localDiscovery(torrent.port)?.join(infoHash);
    if (torrent.usesDht && this.#dht) this.#joinDht(this.#dht, torrent);
    else if (torrent.usesDht) this.#dhtOpening ??= this.#openDht(torrent.port);
    return () => {
      this.#leave(torrent);
    };
  }

  /** A peer of a torrent that uses the DHT says where its node is (BEP 5, `port`). */
  handleDhtNode(node: PeerAddress): void {
    this.#dht?.addNode(node);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#dhtOpening;
    await Promise.all([this.#local?.close(), this.#dht?.close()]);
  }

  #leave(torrent: SearchingTorrent): void {
    const { infoHash } = torrent;
    const copies = this.#torrents.get(infoHash);
    if (copies?.delete(torrent) !== true) return;
    if (![...copies].some(({ usesDht }) => usesDht)) this.#dht?.leave(infoHash);
    if (copies.size > 0) return;
    this.#torrents.delete(infoHash);
    this.#local?.leave(infoHash);
  }

  #localDiscovery(peerPort: number): LocalDiscovery | undefined {
    if (!this.#options.localDiscovery) return undefined;
    this.#local ??= new LocalDiscovery({
      peerPort,
      onPeer: ({ infoHash, address }) => {
        for (const torrent of this.#torrents.get(infoHash as InfoHash) ?? []) torrent.onFound(address, 'lsd');
      },
    });
    return this.#local;
  }

  /** On the UDP port of the same number as the peers' port, if it is free. */
  async #openDht(port: number): Promise<void> {
    const { dhtBootstrap, bindHost, stateDir, onNote } = this.#options;
    try {
      this.#dht = await openDhtNode({
        port,
        host: bindHost?.includes(':') === true ? undefined : bindHost,
        bootstrap: dhtBootstrap ?? PUBLIC_DHT_NODES,
        stateDir,
        onPeer: (infoHash, address) => {
          for (const torrent of this.#torrents.get(infoHash as InfoHash) ?? []) {
            if (torrent.usesDht) torrent.onFound(address, 'dht');
          }
        },
      });
    } catch (error) {
      onNote(`the DHT is not used: ${toErrorValue(error).message}`);
      return;
    }
    for (const copies of this.#torrents.values()) {
      for (const torrent of copies) if (torrent.usesDht) this.#joinDht(this.#dht, torrent);
    }
  }

  #joinDht(dht: DhtNode, { infoHash, port, onDhtPort }: SearchingTorrent): void {
    dht.join(infoHash, port);
    onDhtPort?.(dht.port);
  }
}
