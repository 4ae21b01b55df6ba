/** What a `Swarm` is made from. */
import type { PieceLayout } from '../metainfo/piece-layout.js';
import type { Bitfield } from '../protocol/bitfield.js';
import type { PeerId } from '../protocol/peer-address.js';

export interface SwarmConfig {
  readonly layout: PieceLayout;
  readonly ourPeerId: PeerId;
  /** Where we listen; 0 when nowhere. */
  readonly ourPort?: number;
  /** Peers are told of by trackers alone (BEP 27). */
  readonly isPrivate?: boolean;
  /** What is verified at the start. Copied. */
  readonly owned: Bitfield;
  /** Whether missing pieces are to be fetched. A seeder, also one that owns a part only, fetches nothing (BEP 21). */
  readonly wantsPieces: boolean;
  /** Pieces that are to be fetched; all when left out. Owning those is being complete, and then a partial seed. */
  readonly wanted?: Bitfield | undefined;
  /** Pieces in order, as far as the swarm stays healthy. */
  readonly sequential?: boolean | undefined;
  /** Tracker tiers (BEP 12), shuffled within a tier by the schedule; each is announced to by itself. */
  readonly trackerTiers: readonly (readonly string[])[];
  /** URLs of web seeds (BEP 19), without repeats; none when left out. */
  readonly webSeeds?: readonly string[];
  /** Regularly unchoked peers. */
  readonly uploadSlots: number;
  /** Whether to super-seed while this is the only full peer (BEP 16). */
  readonly superSeeds: boolean;
  /** Most connections of this torrent. */
  readonly maxLinks: number;
  /** Seeded generator of [0, 1). */
  readonly random: () => number;
  /** Makes a link id for an outgoing connection: unique in the process. */
  readonly nextLinkId: () => number;
}
