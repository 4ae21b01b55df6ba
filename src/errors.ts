/**
 * Every error that p2p can raise: one stable code each, with the family that decides how callers react and the exit
 * status that the command line ends with. `docs/errors.md` lists them for users; a test holds the two together.
 */

/** Exit statuses of the `p2p` command; a contract with scripts (docs/errors.md). */
export const EXIT_CODES = {
  complete: 0,
  ourBug: 1,
  usage: 2,
  notFound: 3,
  incomplete: 4,
  verificationFailed: 5,
  nobodyAnswered: 6,
  disk: 7,
  refused: 8,
  sigint: 130,
  sigterm: 143,
} as const;

interface ErrorInfo {
  readonly exitCode: number;
  /** Who has to act: the person at the keyboard, a remote peer, the tracker, this machine, or we. */
  readonly fault: 'user' | 'peer' | 'tracker' | 'machine' | 'torrent' | 'us';
}

/** The registry of codes. Append only: scripts match on them. */
export const ERRORS = {
  P2P_BUG: { exitCode: 1, fault: 'us' },
  P2P_INVARIANT: { exitCode: 1, fault: 'us' },
  P2P_WORKER_LOST: { exitCode: 1, fault: 'us' },
  P2P_ENGINE_CLOSED: { exitCode: 1, fault: 'user' },

  P2P_USAGE: { exitCode: 2, fault: 'user' },
  P2P_UNKNOWN_COMMAND: { exitCode: 2, fault: 'user' },
  P2P_OPTION_INVALID: { exitCode: 2, fault: 'user' },
  P2P_PIECE_OUT_OF_RANGE: { exitCode: 2, fault: 'user' },
  P2P_PORT_TAKEN: { exitCode: 2, fault: 'user' },
  P2P_MAGNET_INVALID: { exitCode: 2, fault: 'user' },
  P2P_HASH_UNKNOWN: { exitCode: 2, fault: 'user' },
  P2P_PLUGIN_INVALID: { exitCode: 2, fault: 'user' },

  P2P_PATH_NOT_FOUND: { exitCode: 3, fault: 'user' },
  P2P_TARGET_NOT_FOUND: { exitCode: 3, fault: 'user' },
  P2P_TARGET_AMBIGUOUS: { exitCode: 3, fault: 'user' },
  P2P_FILES_NOT_FOUND: { exitCode: 3, fault: 'user' },
  P2P_NOTHING_TO_SEED: { exitCode: 3, fault: 'user' },

  P2P_INCOMPLETE: { exitCode: 4, fault: 'user' },

  P2P_BENCODE_INVALID: { exitCode: 5, fault: 'torrent' },
  P2P_METAINFO_INVALID: { exitCode: 5, fault: 'torrent' },
  P2P_METAINFO_TOO_LARGE: { exitCode: 5, fault: 'torrent' },
  P2P_METAINFO_V2_ONLY: { exitCode: 5, fault: 'torrent' },
  P2P_METAINFO_UNKNOWN_HASHES: { exitCode: 5, fault: 'torrent' },
  P2P_METAINFO_MISMATCH: { exitCode: 5, fault: 'torrent' },
  P2P_PATH_UNSAFE: { exitCode: 5, fault: 'torrent' },
  P2P_TORRENT_CONTRADICTS_ITSELF: { exitCode: 5, fault: 'torrent' },
  P2P_PIECE_HASH_MISMATCH: { exitCode: 5, fault: 'peer' },
  P2P_VERIFY_FAILED: { exitCode: 5, fault: 'user' },

  P2P_NOBODY_ANSWERED: { exitCode: 6, fault: 'tracker' },
  P2P_TRACKER_UNREACHABLE: { exitCode: 6, fault: 'tracker' },
  P2P_TRACKER_FAILURE: { exitCode: 6, fault: 'tracker' },
  P2P_TRACKER_REPLY_INVALID: { exitCode: 6, fault: 'tracker' },

  P2P_DISK_FULL: { exitCode: 7, fault: 'machine' },
  P2P_DISK_FAILED: { exitCode: 7, fault: 'machine' },
  P2P_TARGET_EXISTS: { exitCode: 7, fault: 'user' },
  P2P_PART_OF_ANOTHER_TORRENT: { exitCode: 7, fault: 'user' },
  P2P_COPY_IN_USE: { exitCode: 7, fault: 'user' },
  P2P_STATE_UNUSABLE: { exitCode: 7, fault: 'machine' },
  P2P_STATE_NEWER: { exitCode: 7, fault: 'machine' },

  P2P_REFUSED: { exitCode: 8, fault: 'user' },

  P2P_PROTOCOL: { exitCode: 1, fault: 'peer' },
  P2P_HANDSHAKE_FOREIGN: { exitCode: 1, fault: 'peer' },
  P2P_HANDSHAKE_UNKNOWN_TORRENT: { exitCode: 1, fault: 'peer' },
  P2P_CONNECTION_LOST: { exitCode: 1, fault: 'peer' },
} as const satisfies Record<string, ErrorInfo>;

/** A stable error code, such as `P2P_DISK_FULL`. */
export type ErrorCode = keyof typeof ERRORS;

/** Facts that belong to an error: sizes, names, indices. Plain values only, since errors cross threads. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** An error as it crosses a thread border or is printed by `--json`. */
export interface ErrorValue {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}

/** The base of all errors thrown on purpose. The message says what is wrong, with value and limit, and what to do. */
export class P2pError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = new.target.name;
    this.code = code;
    this.details = details;
  }

  /** Exit status that the command line ends with when this error reaches it. */
  get exitCode(): number {
    return ERRORS[this.code].exitCode;
  }

  /** A plain copy for another thread or for JSON. */
  toValue(): ErrorValue {
    return { code: this.code, message: this.message, details: this.details };
  }

  /** The error again, on the other side of a thread border. */
  static fromValue(value: ErrorValue): P2pError {
    return new P2pError(value.code, value.message, value.details);
  }
}

/** The remote peer broke a rule of the wire protocol: disconnect it, and blame it. */
export class ProtocolError extends P2pError {
  constructor(message: string, details: ErrorDetails = {}, code: ErrorCode = 'P2P_PROTOCOL') {
    super(code, message, details);
  }
}

/** Bencode, a .torrent file or a magnet link is not what it must be. */
export class MetainfoError extends P2pError {}

/** Files or the state database cannot be read or written. */
export class StorageError extends P2pError {}

/** A tracker cannot be reached, refuses, or answers nonsense. */
export class TrackerError extends P2pError {}

/** The person at the keyboard, or a program that imports us, asked for something that cannot be. */
export class OptionError extends P2pError {
  constructor(message: string, details: ErrorDetails = {}, code: ErrorCode = 'P2P_OPTION_INVALID') {
    super(code, message, details);
  }
}

/** Our own bug. Never caught on the way: crash loudly. */
export class InvariantError extends P2pError {
  constructor(message: string, details: ErrorDetails = {}) {
    super('P2P_INVARIANT', message, details);
  }
}

/** Any thrown thing as an `ErrorValue`; what is not ours becomes `P2P_BUG`. */
export function toErrorValue(thrown: unknown): ErrorValue {
  if (thrown instanceof P2pError) return thrown.toValue();
  const message = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return { code: 'P2P_BUG', message, details: {} };
}
