/**
 * Finds peers beside the trackers, for all torrents of a process at once. Each way begins when the first torrent wants it.
 * Private torrents never come here (BEP 27).
 */
import { LocalDiscovery } from '../discovery/local-discovery.js';
import type { InfoHash } from '../metainfo/metainfo.js';
import type { PeerAddress } from '../protocol/peer-address.js';
import type { PeerSource } from '../swarm/peer-source.js';

export interface PeerFindingOptions {
  /** Whether to look in the local network (BEP 14). */
  readonly localDiscovery: boolean;
}

/** A torrent that looks for peers. */
export interface SearchingTorrent {
  readonly infoHash: InfoHash;
  /** Where it accepts them. */
  readonly port: number;
  readonly onFound: (address: PeerAddress, source: PeerSource) => void;
}

export class PeerFinding {
  readonly #options: PeerFindingOptions;
  /** A process may have several copies of one torrent. */
  readonly #torrents = new Map<InfoHash, Set<SearchingTorrent>>();
  #local: LocalDiscovery | undefined;
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
    return () => {
      copies.delete(torrent);
      if (copies.size > 0 || !this.#torrents.delete(infoHash)) return;
      this.#local?.leave(infoHash);
    };
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#local?.close();
  }

  #localDiscovery(peerPort: number): LocalDiscovery | undefined {
    if (!this.#options.localDiscovery) return undefined;
    this.#local ??= new LocalDiscovery({
      peerPort,
      onPeer: ({ infoHash, address }) => {
        this.#tell(infoHash as InfoHash, address, 'lsd');
      },
    });
    return this.#local;
  }

  #tell(infoHash: InfoHash, address: PeerAddress, source: PeerSource): void {
    for (const torrent of this.#torrents.get(infoHash) ?? []) torrent.onFound(address, source);
  }
}
