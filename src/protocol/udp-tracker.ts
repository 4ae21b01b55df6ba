/**
 * Packets of the UDP tracker protocol (BEP 15), both directions: bytes in, values out. Numbers are big-endian. What is no
 * packet of the protocol is undefined, and never an error: anybody may send anything to a UDP port.
 *
 *     client ── connect ──▶ tracker            proves with the next packet that it reads what goes to its address
 *     client ◀── connection id ── tracker
 *     client ── announce or scrape, with that id ──▶ tracker
 *     client ◀── peers or counts, or an error ── tracker
 */

/** Bytes of a connection id. */
export const CONNECTION_ID_BYTES = 8;
/** Torrents in one scrape (BEP 15). */
export const MAX_SCRAPED_TORRENTS = 74;

/** As in a query over HTTP; `paused` (BEP 21) has the number that libtorrent gave it. */
export type UdpEvent = 'none' | 'completed' | 'started' | 'stopped' | 'paused';

export interface UdpConnect {
  readonly type: 'connect';
  readonly transactionId: number;
}

export interface UdpAnnounce {
  readonly type: 'announce';
  /** 8 bytes. */
  readonly connectionId: Uint8Array;
  readonly transactionId: number;
  /** 20 bytes. */
  readonly infoHash: Uint8Array;
  /** 20 bytes. */
  readonly peerId: Uint8Array;
  readonly downloadedBytes: number;
  readonly leftBytes: number;
  readonly uploadedBytes: number;
  readonly event: UdpEvent;
  /** Below 2^32. */
  readonly key: number;
  /** -1: as many as the tracker likes. */
  readonly numWant: number;
  readonly port: number;
}

export interface UdpScrape {
  readonly type: 'scrape';
  readonly connectionId: Uint8Array;
  readonly transactionId: number;
  /** 20 bytes each; 1 to 74. */
  readonly infoHashes: readonly Uint8Array[];
}

export type UdpRequest = UdpConnect | UdpAnnounce | UdpScrape;

export type UdpReply =
  | { readonly type: 'connect'; readonly transactionId: number; readonly connectionId: Uint8Array }
  | {
      readonly type: 'announce';
      readonly transactionId: number;
      readonly intervalSec: number;
      readonly leechers: number;
      readonly seeders: number;
      /** Addresses and ports end to end: 6 bytes each over IPv4, 18 over IPv6. */
      readonly peers: Uint8Array;
    }
  | { readonly type: 'scrape'; readonly transactionId: number; readonly counts: readonly UdpScrapeCounts[] }
  | { readonly type: 'error'; readonly transactionId: number; /** Bytes of a text. */ readonly message: Uint8Array };

/** The state of one torrent, in the order of the question. */
export interface UdpScrapeCounts {
  readonly seeders: number;
  /** How often a download was completed. */
  readonly completed: number;
  readonly leechers: number;
}

/** What a packet asks of a tracker; views into it, not copies. Bytes behind the end are extensions (BEP 41). */
export function parseUdpRequest(packet: Uint8Array): UdpRequest | undefined {
  if (packet.length < CONNECT_BYTES) return undefined;
  const view = viewOf(packet);
  const transactionId = view.getUint32(12);
  const connectionId = packet.subarray(0, CONNECTION_ID_BYTES);
  switch (view.getUint32(8)) {
    case ACTION.connect: {
      const isMagic = view.getUint32(0) === MAGIC_HIGH && view.getUint32(4) === MAGIC_LOW;
      return isMagic ? { type: 'connect', transactionId } : undefined;
    }
    case ACTION.announce: {
      if (packet.length < ANNOUNCE_BYTES) return undefined;
      return {
        type: 'announce',
        connectionId,
        transactionId,
        infoHash: packet.subarray(16, 36),
        peerId: packet.subarray(36, 56),
        downloadedBytes: wideAt(view, 56),
        leftBytes: wideAt(view, 64),
        uploadedBytes: wideAt(view, 72),
        event: EVENTS[view.getUint32(80)] ?? 'none',
        key: view.getUint32(88),
        numWant: view.getInt32(92),
        port: view.getUint16(96),
      };
    }
    case ACTION.scrape: {
      const count = Math.floor((packet.length - CONNECT_BYTES) / HASH_BYTES);
      if (count < 1 || count > MAX_SCRAPED_TORRENTS) return undefined;
      const infoHashes = Array.from({ length: count }, (_, index) => hashAt(packet, CONNECT_BYTES, index));
      return { type: 'scrape', connectionId, transactionId, infoHashes };
    }
    default:
      return undefined;
  }
}

/** The packet that asks a tracker. @param urlData path and query of the announce URL, sent along by BEP 41 */
export function encodeUdpRequest(request: UdpRequest, urlData = ''): Uint8Array {
  switch (request.type) {
    case 'connect': {
      const packet = new Uint8Array(CONNECT_BYTES);
      const view = viewOf(packet);
      view.setUint32(0, MAGIC_HIGH);
      view.setUint32(4, MAGIC_LOW);
      writeHead(view, ACTION.connect, request.transactionId);
      return packet;
    }
    case 'announce':
      return encodeAnnounce(request, urlOptions(urlData));
    case 'scrape': {
      const packet = new Uint8Array(CONNECT_BYTES + request.infoHashes.length * HASH_BYTES);
      packet.set(request.connectionId);
      writeHead(viewOf(packet), ACTION.scrape, request.transactionId);
      request.infoHashes.forEach((infoHash, index) => packet.set(infoHash, CONNECT_BYTES + index * HASH_BYTES));
      return packet;
    }
    default:
      return request satisfies never;
  }
}

/** What a tracker answers; views into the packet, not copies. Half a peer or half a torrent at the end is left out. */
export function parseUdpReply(packet: Uint8Array): UdpReply | undefined {
  if (packet.length < REPLY_HEAD_BYTES) return undefined;
  const view = viewOf(packet);
  const transactionId = view.getUint32(4);
  switch (view.getUint32(0)) {
    case ACTION.connect: {
      if (packet.length < CONNECT_BYTES) return undefined;
      return { type: 'connect', transactionId, connectionId: packet.subarray(8, CONNECT_BYTES) };
    }
    case ACTION.announce: {
      if (packet.length < ANNOUNCE_REPLY_BYTES) return undefined;
      return {
        type: 'announce',
        transactionId,
        intervalSec: view.getUint32(8),
        leechers: view.getUint32(12),
        seeders: view.getUint32(16),
        peers: packet.subarray(ANNOUNCE_REPLY_BYTES),
      };
    }
    case ACTION.scrape: {
      const length = Math.floor((packet.length - REPLY_HEAD_BYTES) / COUNTS_BYTES);
      const counts = Array.from({ length }, (_, index) => {
        const at = REPLY_HEAD_BYTES + index * COUNTS_BYTES;
        return { seeders: view.getUint32(at), completed: view.getUint32(at + 4), leechers: view.getUint32(at + 8) };
      });
      return { type: 'scrape', transactionId, counts };
    }
    case ACTION.error:
      return { type: 'error', transactionId, message: packet.subarray(REPLY_HEAD_BYTES) };
    default:
      return undefined;
  }
}

/** The packet that answers a client. */
export function encodeUdpReply(reply: UdpReply): Uint8Array {
  switch (reply.type) {
    case 'connect':
      return replyPacket(reply, reply.connectionId);
    case 'announce': {
      const packet = replyPacket(reply, new Uint8Array(12), reply.peers);
      const view = viewOf(packet);
      view.setUint32(8, reply.intervalSec);
      view.setUint32(12, reply.leechers);
      view.setUint32(16, reply.seeders);
      return packet;
    }
    case 'scrape': {
      const packet = replyPacket(reply, new Uint8Array(reply.counts.length * COUNTS_BYTES));
      const view = viewOf(packet);
      for (const [index, { seeders, completed, leechers }] of reply.counts.entries()) {
        const at = REPLY_HEAD_BYTES + index * COUNTS_BYTES;
        view.setUint32(at, seeders);
        view.setUint32(at + 4, completed);
        view.setUint32(at + 8, leechers);
      }
      return packet;
    }
    case 'error':
      return replyPacket(reply, reply.message);
    default:
      return reply satisfies never;
  }
}

const ACTION = { connect: 0x00, announce: 0x01, scrape: 0x02, error: 0x03 } as const;
/** By their numbers on the wire. */
const EVENTS: readonly UdpEvent[] = ['none', 'completed', 'started', 'stopped', 'paused'];
/** What stands in a connect where others have a connection id: 0x41727101980. */
const MAGIC_HIGH = 0x0000_0417;
const MAGIC_LOW = 0x2710_1980;

const CONNECT_BYTES = 16;
const ANNOUNCE_BYTES = 98;
const REPLY_HEAD_BYTES = 8;
const ANNOUNCE_REPLY_BYTES = 20;
const COUNTS_BYTES = 12;
const HASH_BYTES = 20;

/** Options behind an announce (BEP 41): the end, and a part of the URL with its length. */
const OPTION_END = 0x00;
const OPTION_URL_DATA = 0x02;
const MAX_OPTION_BYTES = 255;

function encodeAnnounce(announce: UdpAnnounce, options: readonly number[]): Uint8Array {
  const packet = new Uint8Array(ANNOUNCE_BYTES + options.length);
  const view = viewOf(packet);
  packet.set(announce.connectionId);
  writeHead(view, ACTION.announce, announce.transactionId);
  packet.set(announce.infoHash, 16);
  packet.set(announce.peerId, 36);
  writeWide(view, 56, announce.downloadedBytes);
  writeWide(view, 64, announce.leftBytes);
  writeWide(view, 72, announce.uploadedBytes);
  view.setUint32(80, EVENTS.indexOf(announce.event));
  // The address at 84 stays 0: the one that the packet comes from.
  view.setUint32(88, announce.key);
  view.setInt32(92, announce.numWant);
  view.setUint16(96, announce.port);
  packet.set(options, ANNOUNCE_BYTES);
  return packet;
}

function urlOptions(urlData: string): number[] {
  const options: number[] = [];
  for (let at = 0; at < urlData.length; at += MAX_OPTION_BYTES) {
    const part = urlData.slice(at, at + MAX_OPTION_BYTES);
    options.push(OPTION_URL_DATA, part.length, ...Array.from(part, (letter) => letter.charCodeAt(0)));
  }
  return options.length === 0 ? options : [...options, OPTION_END];
}

function replyPacket(reply: UdpReply, ...parts: readonly Uint8Array[]): Uint8Array {
  const packet = new Uint8Array(parts.reduce((sum, part) => sum + part.length, REPLY_HEAD_BYTES));
  const view = viewOf(packet);
  view.setUint32(0, ACTION[reply.type]);
  view.setUint32(4, reply.transactionId);
  let at = REPLY_HEAD_BYTES;
  for (const part of parts) {
    packet.set(part, at);
    at += part.length;
  }
  return packet;
}

/** Action and transaction id of a request, behind its connection id. */
function writeHead(view: DataView, action: number, transactionId: number): void {
  view.setUint32(8, action);
  view.setUint32(12, transactionId);
}

function hashAt(packet: Uint8Array, start: number, index: number): Uint8Array {
  const at = start + index * HASH_BYTES;
  return packet.subarray(at, at + HASH_BYTES);
}

/** 64 bits; past 2^53 not exact, which nothing needs. */
function wideAt(view: DataView, at: number): number {
  return view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
}

function writeWide(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / 2 ** 32));
  view.setUint32(at + 4, value % 2 ** 32);
}

function viewOf(packet: Uint8Array): DataView {
  return new DataView(packet.buffer, packet.byteOffset, packet.length);
}
