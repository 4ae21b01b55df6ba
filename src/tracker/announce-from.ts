/** A checked announce together with who sent it, as the peer store wants it. */
import type { AnnounceQuery } from './announce-query.js';
import type { StoreAnnounce } from './peer-store.js';
import type { RequestSource } from './request-source.js';

/** An announce with its sender, who is asked where it reached us only if that matters. */
export class AnnounceFrom implements StoreAnnounce {
  readonly infoHash: string;
  readonly ip: Uint8Array;
  readonly port: number;
  readonly peerId: Uint8Array;
  readonly event: StoreAnnounce['event'];
  readonly role: StoreAnnounce['role'];
  readonly numWant: number;
  readonly onlyFamily: StoreAnnounce['onlyFamily'];
  readonly #source: RequestSource;

  /** @param onlyFamily when the answer has room for addresses of one family alone */
  constructor(
    announce: Omit<AnnounceQuery, 'type' | 'isCompact' | 'withPeerIds'>,
    source: RequestSource,
    onlyFamily?: StoreAnnounce['onlyFamily'],
  ) {
    const { event } = announce;
    this.infoHash = announce.infoHash;
    this.ip = source.ip;
    this.port = announce.port;
    this.peerId = announce.peerId;
    this.event = event === 'stopped' || event === 'completed' ? event : 'other';
    this.role = announce.role;
    this.numWant = announce.numWant;
    this.onlyFamily = onlyFamily;
    this.#source = source;
  }

  get reachedIp(): Uint8Array | undefined {
    return this.#source.reachedIp;
  }
}
