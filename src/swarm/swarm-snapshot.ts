/** How a swarm stands, as plain values: what the terminal, `p2p status` and the page show. */
import type { PeerAddress } from '../protocol/peer-address.js';
import type { WebSeedSnapshot } from './web-seed-roster.js';
import type { PeerSource } from './peer-source.js';

export interface LinkSnapshot {
  readonly linkId: number;
  readonly address: PeerAddress;
  readonly incoming: boolean;
  /** The URL of a web seed; undefined for a peer. */
  readonly webSeed?: string;
  /** How we heard of it. */
  readonly source: PeerSource;
  /** Client name from its extension handshake, else from its peer id; empty when unknown. */
  readonly client: string;
  /** Share of the pieces that the peer owns, 0 to 1. */
  readonly progress: number;
  readonly downBytesPerSec: number;
  readonly upBytesPerSec: number;
  readonly downTotalBytes: number;
  readonly upTotalBytes: number;
  readonly roundTripMs: number;
  readonly amChoking: boolean;
  readonly amInterested: boolean;
  readonly peerChoking: boolean;
  readonly peerInterested: boolean;
  /** Pieces that this link fetches at the moment. */
  readonly assignedPieces: number;
}

export interface TrackerSnapshot {
  readonly url: string;
  readonly state: 'waiting' | 'announcing' | 'ok' | 'failed';
  /** Last failure, empty when there was none. */
  readonly message: string;
  readonly seeders: number | undefined;
  readonly leechers: number | undefined;
  /** Milliseconds until the next announce. */
  readonly nextAnnounceInMs: number;
  /** Whether it ever answered an announce. */
  readonly everAnswered: boolean;
}

export interface SwarmSnapshot {
  readonly pieceCount: number;
  readonly verifiedPieces: number;
  readonly verifiedBytes: number;
  /** Pieces that are to be fetched, those that are here included; all of the torrent's without a selection of files. */
  readonly wantedPieces: number;
  readonly wantedBytes: number;
  /** What of them is verified. */
  readonly wantedVerifiedPieces: number;
  readonly wantedVerifiedBytes: number;
  readonly assignedPieces: number;
  /** Sum over the links, as last measured. */
  readonly downBytesPerSec: number;
  readonly upBytesPerSec: number;
  readonly downTotalBytes: number;
  readonly upTotalBytes: number;
  readonly links: readonly LinkSnapshot[];
  /** Addresses known but not connected. */
  readonly knownPeers: number;
  readonly bannedPeers: number;
  readonly trackers: readonly TrackerSnapshot[];
  readonly webSeeds: readonly WebSeedSnapshot[];
  /** Pieces that we miss and that no connected peer has, ascending, at most 1,000. */
  readonly missingEverywhere: readonly number[];
  /** How many `missingEverywhere` there are in all. */
  readonly missingEverywhereCount: number;
  /** Whether a tracker or a peer ever answered. */
  readonly everAnswered: boolean;
  /** Whole copies that the connected peers hold together, without ours: the lowest availability and the share above. */
  readonly availability: number;
}
