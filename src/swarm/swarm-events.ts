/**
 * What goes into `Swarm.handle` and what comes out of `Swarm.poll`: the whole conversation between the decisions of one
 * torrent and whoever performs them (the engine with sockets and disks, the simulation with a virtual network).
 *
 * A *link* is one connection, named by a `linkId` that is never used twice within a process. A link that the swarm
 * dials gets its id in the `dial` action; one that came in gets it from the driver, in `link-handshaken`.
 */
import type { PieceIndex } from '../metainfo/piece-layout.js';
import type { PeerAddress, PeerId } from '../protocol/peer-address.js';
import type { ExchangedPeer, PeerExchangeMessage } from '../protocol/peer-exchange.js';
import type { PeerSource } from './peer-source.js';

/** Who delivered which blocks of a piece that is not complete. */
export interface BlockSource {
  /** The peer's blame key (`blameKey` of its link), or `disk` for blocks found in a file after a restart. */
  readonly source: string;
  /** One bit a block, wire order; bits of the several sources do not overlap. */
  readonly blocks: Uint8Array;
}

/** The blocks of an unfinished piece that are already on disk: another link goes on where the last one stopped. */
export type PartialPiece = readonly BlockSource[];

/**
 * Evidence kept of a piece that failed its hash with several contributors: digests of its blocks and who sent each.
 * The piece is then fetched from one peer alone and compared block by block, which names the liar.
 */
export interface FailedPieceEvidence {
  /** 20 bytes (SHA-1) a block, in order. */
  readonly blockDigests: Uint8Array;
  readonly sources: PartialPiece;
}

export type AnnounceEvent = 'started' | 'stopped' | 'completed' | 'paused' | 'none';

/** What happened to the connection, for the roster's back-off and blame. */
export type CloseReason =
  /** The other side or the network ended it. */
  | 'lost'
  /** We ended it: a duplicate, a seed that needs nothing, shutting down. */
  | 'ours'
  /** It broke a rule of the protocol. */
  | 'protocol'
  /** It said nothing for too long. */
  | 'timeout'
  /** Its first bytes were no BitTorrent handshake, or named no torrent of ours. */
  | 'foreign';

/** Rates and queues of one link, measured by its worker once every 250 ms. */
export interface LinkMeasure {
  readonly linkId: number;
  /** Payload received and sent, averaged over the last seconds. */
  readonly downBytesPerSec: number;
  readonly upBytesPerSec: number;
  /** Payload since the link began. */
  readonly downTotalBytes: number;
  readonly upTotalBytes: number;
  /** Smoothed time from a request to its block; 0 before the first. */
  readonly roundTripMs: number;
  /** Payload asked for and not yet arrived. */
  readonly inFlightBytes: number;
  /** Milliseconds since the last payload arrived while something was asked for; 0 when nothing is. */
  readonly stalledMs: number;
}

/** A piece, or a run of pieces: small ones come, and go, by hundreds. */
export interface PieceRange {
  /** The first one. */
  readonly pieceIndex: PieceIndex;
  /** How many there are, one behind the other; 1 when left out. */
  readonly count?: number;
}

export type SwarmEvent =
  /** Addresses of peers. Unchecked duplicates are fine. */
  | { readonly type: 'peers-found'; readonly addresses: readonly PeerAddress[]; readonly source: PeerSource }
  | { readonly type: 'dial-failed'; readonly linkId: number }
  /** A web seed's server does not give what it should. `link-closed` follows. */
  | {
      readonly type: 'web-seed-failed';
      readonly linkId: number;
      readonly message: string;
      /** Waiting will not mend it. */
      readonly isLasting: boolean;
      /** How long the server wants to be left alone. */
      readonly retryAfterMs?: number;
    }
  /** Handshakes were exchanged. The swarm answers with `admit` or `close`. */
  | {
      readonly type: 'link-handshaken';
      readonly linkId: number;
      /** Remote end; for an incoming link the port is not one to dial. */
      readonly address: PeerAddress;
      readonly incoming: boolean;
      readonly peerId: PeerId;
    }
  /** The peer's extension handshake (BEP 10), its checked parts. */
  | {
      readonly type: 'peer-extended';
      readonly linkId: number;
      readonly listenPort?: number;
      /** BEP 21: it wants nothing. */
      readonly uploadOnly: boolean;
      readonly client: string;
      /** It takes peer exchange messages (BEP 11). */
      readonly exchangesPeers?: boolean;
      /** Our address as it sees us. */
      readonly ourHost?: string;
    }
  /** Peers that the peer has connections with (BEP 11); their number is bounded by the codec. */
  | { readonly type: 'peers-exchanged'; readonly linkId: number; readonly added: readonly ExchangedPeer[] }
  /** Once, after admission: what the peer owns. Spare bits are clear; the driver checked the length. */
  | { readonly type: 'peer-has'; readonly linkId: number; readonly pieces: 'all' | 'none' | Uint8Array }
  | { readonly type: 'peer-have'; readonly linkId: number; readonly pieceIndices: readonly PieceIndex[] }
  /** The peer has the piece no more (BEP 54). */
  | { readonly type: 'peer-dont-have'; readonly linkId: number; readonly pieceIndex: PieceIndex }
  /** The peer chokes us. The worker gives the link's pieces back by itself, each with `piece-released`. */
  | { readonly type: 'peer-choked'; readonly linkId: number }
  | { readonly type: 'peer-unchoked'; readonly linkId: number }
  /** BEP 6: the peer serves this piece though it chokes us. */
  | { readonly type: 'peer-allowed-fast'; readonly linkId: number; readonly pieceIndex: PieceIndex }
  /** BEP 6: the peer would serve this piece best. */
  | { readonly type: 'peer-suggested'; readonly linkId: number; readonly pieceIndex: PieceIndex }
  | { readonly type: 'peer-interested'; readonly linkId: number }
  | { readonly type: 'peer-not-interested'; readonly linkId: number }
  /** It asked for the first time for blocks of these pieces; told of links that were admitted with nothing shown. */
  | { readonly type: 'peer-asked'; readonly linkId: number; readonly pieceIndices: readonly PieceIndex[] }
  /** Written and its hash holds, as those of the pieces behind it do. `liars` are blame keys that the evidence convicted. */
  | ({
      readonly type: 'piece-verified';
      readonly linkId: number;
      readonly liars?: readonly string[];
    } & PieceRange)
  /** All blocks came and the hash does not hold: nothing of the piece is kept. */
  | {
      readonly type: 'piece-failed';
      readonly linkId: number;
      readonly pieceIndex: PieceIndex;
      /** Blame keys, without repeats; `disk` may be among them. */
      readonly contributors: readonly string[];
      readonly evidence?: FailedPieceEvidence;
    }
  /**
   * The link will not finish this piece: choked, closed, told to release it. Blocks that came are on disk and listed.
   * For a helping link (`help-piece`) it only says that the help ended. Of several pieces nothing is on disk.
   */
  | ({
      readonly type: 'piece-released';
      readonly linkId: number;
      readonly partial: PartialPiece;
    } & PieceRange)
  /** The link was asked for the piece `ifUntouched`, and goes on with it. */
  | { readonly type: 'piece-kept'; readonly linkId: number; readonly pieceIndex: PieceIndex }
  | { readonly type: 'pieces-durable'; readonly pieceIndices: readonly PieceIndex[] }
  /** Pieces that were owned and are not any more: a file changed or vanished. */
  | { readonly type: 'pieces-lost'; readonly pieceIndices: readonly PieceIndex[] }
  /** Pieces that were lost, and are on disk again as they were. */
  | { readonly type: 'pieces-regained'; readonly pieceIndices: readonly PieceIndex[] }
  | { readonly type: 'links-measured'; readonly measures: readonly LinkMeasure[] }
  /** All `piece-released` of the link came before this. Follows `close` too. */
  | { readonly type: 'link-closed'; readonly linkId: number; readonly reason: CloseReason; readonly message?: string }
  | {
      readonly type: 'announce-succeeded';
      readonly url: string;
      readonly intervalMs: number;
      readonly minIntervalMs: number;
      readonly peers: readonly PeerAddress[];
      readonly seeders?: number;
      readonly leechers?: number;
    }
  | { readonly type: 'announce-failed'; readonly url: string; readonly message: string }
  /** The time that `nextWakeMs` named has come. */
  | { readonly type: 'wake' }
  /** Say goodbye to trackers, close links, decide nothing more. */
  | { readonly type: 'stop' };

export type SwarmAction =
  | { readonly type: 'dial'; readonly linkId: number; readonly address: PeerAddress }
  /** Fetch from this web seed (BEP 19) what `fetch-piece` names; nothing is asked of the server before. */
  | { readonly type: 'open-web-seed'; readonly linkId: number; readonly url: string; readonly blameKey: string }
  /** For people: the web seed is left alone for a while, or for good. */
  | {
      readonly type: 'report-web-seed';
      readonly url: string;
      readonly message: string;
      /** Undefined: it is not tried again. */
      readonly retryInMs: number | undefined;
    }
  /** Send bitfield and extension handshake, begin to trade. `blameKey` names this peer in block sources from now on. */
  | {
      readonly type: 'admit';
      readonly linkId: number;
      readonly blameKey: string;
      /** Look like a downloader that has nothing (BEP 16); `show` follows. */
      readonly showsNothing?: boolean;
    }
  /** Tell this peer that we have these pieces too; with `isAll` it knows of everything now. */
  | {
      readonly type: 'show';
      readonly linkId: number;
      readonly pieceIndices: readonly PieceIndex[];
      readonly isAll: boolean;
    }
  | { readonly type: 'close'; readonly linkId: number; readonly why: string }
  | { readonly type: 'choke'; readonly linkId: number }
  | { readonly type: 'unchoke'; readonly linkId: number }
  | { readonly type: 'interested'; readonly linkId: number }
  | { readonly type: 'not-interested'; readonly linkId: number }
  /**
   * The piece is this link's. Blocks in `partial` are on disk already. Pieces are fetched in the order given. Several
   * pieces at once are of one block each, and nothing is known of any of them.
   */
  | ({
      readonly type: 'fetch-piece';
      readonly linkId: number;
      readonly partial: PartialPiece;
      readonly evidence?: FailedPieceEvidence;
    } & PieceRange)
  /**
   * Endgame: fetch blocks of a piece that `ownerLinkId` holds, from its last block backwards, until told to stop. The
   * owner skips what the helper got, so that at most the blocks under way at the meeting come twice.
   */
  | {
      readonly type: 'help-piece';
      readonly linkId: number;
      readonly ownerLinkId: number;
      readonly pieceIndex: PieceIndex;
      readonly partial: PartialPiece;
    }
  /**
   * Give the piece back (`piece-released` follows), or stop helping with it. With `ifUntouched` the link keeps a piece
   * of which blocks are on their way, since they would come for nothing, and says `piece-kept`: only its worker knows.
   */
  | {
      readonly type: 'release-piece';
      readonly linkId: number;
      readonly pieceIndex: PieceIndex;
      readonly ifUntouched?: boolean;
    }
  /** Tell every peer that we have the piece no more (BEP 54), and hang up on those that cannot be told. */
  | { readonly type: 'broadcast-dont-have'; readonly pieceIndex: PieceIndex }
  /** Verified: tell every peer, and write it down. The driver batches. */
  | ({ readonly type: 'broadcast-have' } & PieceRange)
  | ({ readonly type: 'record-piece' } & PieceRange)
  /** Tell the peer whom we got and lost (BEP 11). */
  | ({ readonly type: 'exchange-peers'; readonly linkId: number } & PeerExchangeMessage)
  | {
      readonly type: 'announce';
      readonly url: string;
      readonly event: AnnounceEvent;
      readonly numWant: number;
      /** Another tracker is ready to be asked when this one is silent. */
      readonly hasAlternative?: true;
    }
  | {
      readonly type: 'ban';
      readonly blameKey: string;
      readonly address: PeerAddress;
      readonly reason: string;
      /** Of a web seed, as people may see it. */
      readonly webSeed?: string;
    }
  /** Every wanted piece is verified. Once. */
  | { readonly type: 'complete' };
