/**
 * One connection to one peer, from its first byte to its last. What is said on it after admission is PeerTrade's.
 *
 * Thread: the worker that dialled or accepted it, for its whole life. What a stranger may do is bounded: handshake time,
 * idle time, answers that it does not read.
 *
 *   connecting ──▶ handshake ──▶ waiting (for the main thread to admit it) ──▶ open ──▶ closed
 */
import type net from 'node:net';

import { P2pError, ProtocolError } from '../errors.js';
import { encodeHandshake, HandshakeReader, type Handshake } from '../protocol/handshake.js';
import { HANDSHAKE_TIMEOUT_MS, IDLE_TIMEOUT_MS, KEEP_ALIVE_MS } from '../protocol/limits.js';
import { encodeKeepAlive } from '../protocol/message-encoder.js';
import type { PeerAddress } from '../protocol/peer-address.js';
import { peerIdFromBytes } from '../protocol/peer-id.js';
import type { CloseReason, SwarmEvent } from '../swarm/swarm-events.js';
import { MetadataTorrent } from './metadata-torrent.js';
import { MetadataTrade } from './metadata-trade.js';
import { PeerTrade, type TradeConnection, type TradeHost } from './peer-trade.js';
import type { TorrentLink, WorkerTorrent } from './worker-torrent.js';

/** What may wait in the socket for a peer that does not read: blocks under way (1 MiB) and small messages. */
const UNREAD_MOST_BYTES = 4_194_304;

/** What a link needs of its worker. */
export interface LinkHost extends TradeHost {
  findTorrent(infoHash: Uint8Array): LinkTorrent | undefined;
  handleClosed(link: Link): void;
}

/** What a link is for: pieces of a torrent, or its metadata first. */
export type LinkTorrent = WorkerTorrent | MetadataTorrent;

type LinkState = 'connecting' | 'handshake' | 'waiting' | 'open' | 'closed';

export class Link implements TorrentLink, TradeConnection {
  readonly linkId: number;
  readonly incoming: boolean;
  /** Where the other end is. */
  readonly address: PeerAddress;
  readonly #host: LinkHost;
  readonly #socket: net.Socket;
  readonly #startedMs: number;
  readonly #reader = new HandshakeReader();
  #state: LinkState;
  #torrent: LinkTorrent | undefined;
  #handshake: Handshake | undefined;
  #sentHandshake = false;
  /** Bytes that came before admission, behind the handshake. */
  #early: Uint8Array[] = [];
  #trade: PeerTrade | MetadataTrade | undefined;
  #lastReceivedMs: number;
  #lastSentMs: number;
  #returned: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly linkId: number;
    readonly incoming: boolean;
    readonly socket: net.Socket;
    readonly address: PeerAddress;
    readonly host: LinkHost;
    /** Known from the start when we dial. */
    readonly torrent: LinkTorrent | undefined;
  }) {
    this.linkId = options.linkId;
    this.incoming = options.incoming;
    this.address = options.address;
    this.#socket = options.socket;
    this.#host = options.host;
    this.#torrent = options.torrent;
    this.#state = options.incoming ? 'handshake' : 'connecting';
    const nowMs = options.host.nowMs();
    this.#startedMs = nowMs;
    this.#lastReceivedMs = nowMs;
    this.#lastSentMs = nowMs;
    options.torrent?.links.add(this);
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** What is said on the link about pieces; undefined before admission and after the end. */
  get trade(): PeerTrade | undefined {
    return this.#state === 'open' && this.#trade instanceof PeerTrade ? this.#trade : undefined;
  }

  /** What is said on the link about metadata, where pieces are not known yet; undefined as `trade`. */
  get metadataTrade(): MetadataTrade | undefined {
    return this.#state === 'open' && this.#trade instanceof MetadataTrade ? this.#trade : undefined;
  }

  /** The dialled socket is connected. */
  handleConnected(): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'handshake';
    this.#sendHandshake();
  }

  /**
   * Bytes from the socket; `chunk` is not kept.
   * @returns whether to go on reading
   */
  handleBytes(chunk: Uint8Array): boolean {
    this.#lastReceivedMs = this.#host.nowMs();
    try {
      switch (this.#state) {
        case 'handshake':
          return this.#readHandshake(chunk);
        case 'waiting':
          this.#early.push(Uint8Array.from(chunk));
          return false;
        case 'open':
          this.#trade?.readMessages(chunk);
          return true;
        case 'connecting':
        case 'closed':
          return true;
        default:
          return this.#state satisfies never;
      }
    } catch (error) {
      this.#fail(error);
      return true;
    }
  }

  /** The socket ended or broke. */
  handleSocketClosed(message: string): void {
    this.close('lost', message);
  }

  /**
   * @param blameKey names the peer as the source of blocks
   * @param showsNothing whether to say that we have nothing (BEP 16)
   */
  admit(blameKey: string, showsNothing: boolean): void {
    const torrent = this.#torrent;
    const handshake = this.#handshake;
    if (this.#state !== 'waiting' || !torrent || !handshake) return;
    this.#state = 'open';
    const common = { linkId: this.linkId, host: this.#host, connection: this, handshake };
    this.#trade =
      torrent instanceof MetadataTorrent
        ? new MetadataTrade({ ...common, torrent })
        : new PeerTrade({ ...common, torrent, peerHost: this.address.host, blameKey });
    this.#trade.greet(showsNothing);
    const early = this.#early;
    this.#early = [];
    for (const chunk of early) this.handleBytes(chunk);
    if (!this.isClosed) this.#socket.resume();
  }

  write(bytes: Uint8Array): void {
    if (this.#state === 'closed') return;
    this.#lastSentMs = this.#host.nowMs();
    this.#socket.write(bytes);
    if (this.#socket.writableLength > UNREAD_MOST_BYTES) this.close('protocol', 'it sends and does not read');
  }

  writeLarge(bytes: Uint8Array, done: () => void): void {
    if (this.#state === 'closed') return;
    this.#lastSentMs = this.#host.nowMs();
    this.#socket.write(bytes, (error) => {
      if (!error) done();
    });
  }

  /** Timeouts, and what the trade has to do now and then. Called by the worker's one timer. */
  handleTick(nowMs: number): void {
    if (this.#state === 'connecting' || this.#state === 'handshake') {
      if (nowMs - this.#startedMs > HANDSHAKE_TIMEOUT_MS) this.close('timeout', 'no handshake in time');
      return;
    }
    if (nowMs - this.#lastReceivedMs > IDLE_TIMEOUT_MS) {
      this.close('timeout', `nothing received for ${IDLE_TIMEOUT_MS / 1000} s`);
      return;
    }
    if (this.#state !== 'open') return;
    if (nowMs - this.#lastSentMs > KEEP_ALIVE_MS) this.write(encodeKeepAlive());
    this.#trade?.handleTick(nowMs);
  }

  /** Ends the connection; pieces go back first. Idempotent. */
  close(reason: CloseReason, message: string): void {
    if (this.#state === 'closed') return;
    const wasConnecting = this.#state === 'connecting';
    this.#state = 'closed';
    this.#socket.destroy();
    this.#returned = this.#trade?.close() ?? Promise.resolve();
    this.#torrent?.handleClosed(this);
    this.#host.handleClosed(this);
    void this.#sayClosed(wasConnecting, reason, message);
  }

  settled(): Promise<void> {
    return this.#returned;
  }

  async #sayClosed(wasConnecting: boolean, reason: CloseReason, message: string): Promise<void> {
    await this.#returned;
    const { linkId } = this;
    if (this.#trade instanceof PeerTrade)
      this.#tell({ type: 'links-measured', measures: [this.#trade.measure(this.#host.nowMs())] });
    if (wasConnecting) this.#tell({ type: 'dial-failed', linkId });
    else if (!this.incoming || this.#handshake) this.#tell({ type: 'link-closed', linkId, reason, message });
  }

  #readHandshake(chunk: Uint8Array): boolean {
    const rest = this.#reader.push(chunk);
    if (this.incoming && !this.#sentHandshake && !this.#answerHandshake()) return true;
    const handshake = this.#reader.handshake;
    if (!handshake) return true;
    if (!sameBytes(handshake.infoHash, this.#torrent?.setup.infoHash))
      throw unknownTorrent('another torrent than it was dialled for');
    this.#handshake = handshake;
    this.#state = 'waiting';
    if (rest.length > 0) this.#early.push(Uint8Array.from(rest));
    this.#tell({
      type: 'link-handshaken',
      linkId: this.linkId,
      address: this.address,
      incoming: this.incoming,
      peerId: peerIdFromBytes(handshake.peerId),
    });
    return false;
  }

  /** As soon as the info hash is there: some clients wait for our answer before they send their peer id. */
  #answerHandshake(): boolean {
    const infoHash = this.#reader.infoHash;
    if (!infoHash) return false;
    this.#torrent = this.#host.findTorrent(infoHash);
    if (!this.#torrent) throw unknownTorrent('a torrent that is not served here');
    this.#torrent.links.add(this);
    this.#sendHandshake();
    return true;
  }

  /** The 68 bytes and nothing behind them: aria2 bans a peer that says more before it has answered. */
  #sendHandshake(): void {
    const torrent = this.#torrent;
    if (!torrent) return;
    this.#sentHandshake = true;
    const { infoHash, peerId } = torrent.setup;
    const supportsDht = 'dhtPort' in torrent && torrent.dhtPort !== undefined;
    this.write(encodeHandshake({ infoHash, peerId, supportsFast: true, supportsExtended: true, supportsDht }));
  }

  #tell(event: SwarmEvent): void {
    const torrent = this.#torrent;
    if (torrent) this.#host.emit({ type: 'swarm', torrentId: torrent.setup.torrentId, event });
  }

  /** What came from the peer broke a rule, or we did. */
  #fail(error: unknown): void {
    if (!(error instanceof P2pError)) throw error;
    const isForeign = error.code === 'P2P_HANDSHAKE_FOREIGN' || error.code === 'P2P_HANDSHAKE_UNKNOWN_TORRENT';
    this.close(isForeign ? 'foreign' : 'protocol', error.message);
  }
}

function unknownTorrent(what: string): ProtocolError {
  return new ProtocolError(`handshake names ${what}`, {}, 'P2P_HANDSHAKE_UNKNOWN_TORRENT');
}

function sameBytes(one: Uint8Array, other: Uint8Array | undefined): boolean {
  return other !== undefined && one.length === other.length && one.every((byte, at) => byte === other[at]);
}
