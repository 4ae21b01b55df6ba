/** The part of the package `bittorrent-dht` that is used here; it comes without types. */
declare module 'bittorrent-dht' {
  import type { EventEmitter } from 'node:events';

  interface DhtAddress {
    readonly host: string;
    readonly port: number;
  }

  interface DhtOptions {
    /** 20 bytes. */
    readonly nodeId: Uint8Array;
    /** Where to enter; false for nowhere. */
    readonly bootstrap: readonly DhtAddress[] | false;
    /** Speaks like a socket of node:dgram. */
    readonly socket: EventEmitter;
    /** Milliseconds for which an announced peer is kept. */
    readonly maxAge: number;
    /** Peers kept, of all torrents together. */
    readonly maxPeers: number;
    /** Look-ups whose tokens are kept. */
    readonly maxTables: number;
  }

  class DHT extends EventEmitter {
    constructor(options: DhtOptions);
    listen(): void;
    addNode(node: DhtAddress): void;
    lookup(infoHash: Uint8Array, done: (error: Error | null) => void): void;
    announce(infoHash: Uint8Array, port: number, done: (error: Error | null) => void): void;
    toJSON(): { readonly nodes: readonly DhtAddress[] };
    destroy(done: () => void): void;
  }

  export { DHT as default };
}
