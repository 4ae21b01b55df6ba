/** What `StatusReader` tells of the copies of this machine, of all processes: plain values. */
import type { ErrorValue } from '../errors.js';
import type { InfoHash } from '../metainfo/metainfo.js';
import type { Bitfield } from '../protocol/bitfield.js';
import type { TransferSnapshot } from './engine-types.js';

/**
 * What becomes of a copy at the moment. The first four: a process works on it.
 *
 *     checking, downloading, finishing, seeding ── process gone ──▶ interrupted (pieces are lacking)
 *                                                              └──▶ complete, or stopped (a seed that nobody serves)
 */
export type CopyActivity =
  | 'checking'
  | 'downloading'
  | 'finishing'
  | 'seeding'
  /** Unfinished, and no process works on it: `p2p peer resume` takes it up. */
  | 'interrupted'
  /** A download that has all its pieces. */
  | 'complete'
  /** A seed that no process serves now. */
  | 'stopped';

/** One process that works on a copy now; a seed may have several. */
export interface RunStatus {
  readonly pid: number;
  /** Milliseconds since 1970, as the next one. */
  readonly startedAtMs: number;
  /** When the process last wrote its snapshot: once a second while something changes. */
  readonly updatedAtMs: number;
  /** The times to the next announces are left out: 0. */
  readonly snapshot: TransferSnapshot;
}

/** A copy as `p2p status` lists it. */
export interface CopyStatus {
  readonly copyId: number;
  readonly infoHash: InfoHash;
  readonly name: string;
  readonly role: 'seed' | 'download';
  readonly activity: CopyActivity;
  /** Absolute path that the data has when complete. */
  readonly rootPath: string;
  readonly totalBytes: number;
  readonly pieceCount: number;
  readonly verifiedPieces: number;
  readonly verifiedBytes: number;
  /** Of a download with a choice of files: how many are fetched. Undefined when it is one thing. */
  readonly chosenFiles: number | undefined;
  /** Files of the torrent, when `chosenFiles` is known. */
  readonly fileCount: number | undefined;
  /** What is fetched, and what of that is verified: all of it without a choice. */
  readonly wantedPieces: number;
  readonly wantedBytes: number;
  readonly wantedVerifiedPieces: number;
  readonly wantedVerifiedBytes: number;
  /** Payload of all runs. */
  readonly downTotalBytes: number;
  readonly upTotalBytes: number;
  /** Milliseconds since 1970, as the next one. */
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** Processes that work on it now, oldest first; empty when none does. */
  readonly runs: readonly RunStatus[];
  /** How the last run ended, when it failed or timed out; undefined after a stop by the user, a crash or success. */
  readonly lastError: ErrorValue | undefined;
  /** Whether the last run ended in order; false after a crash, kill -9 or power cut. */
  readonly stoppedCleanly: boolean;
}

/** One copy with what is too much for a list. */
export interface CopyDetail extends CopyStatus {
  /** Undefined for a copy that an older p2p stored and that was not used since. */
  readonly pieceLengthBytes: number | undefined;
  readonly trackerTiers: readonly (readonly string[])[];
  readonly verified: Bitfield;
  readonly durable: Bitfield;
}
