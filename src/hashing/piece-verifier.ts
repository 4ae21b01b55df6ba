/**
 * Says whether the bytes of a piece are what the torrent promises.
 *
 * Data path: runs in the worker thread that holds the bytes; copies nothing, allocates nothing but digests.
 * Which hashes are computed (docs/formats.md): the chosen one for every piece; all that the torrent carries and we know
 * for the first 4 pieces and 1 in 256, or for every piece with `all`. When the chosen one fails, the others are computed
 * on the same bytes before anyone is blamed: if one holds, the torrent contradicts itself and no peer is at fault.
 */
import { MetainfoError, OptionError } from '../errors.js';
import type { HashAlgorithm, Hasher } from './hash-algorithm.js';
import type { HashRegistry } from './hash-registry.js';

/** `contradiction`: some algorithms hold and some fail on the same bytes, so the torrent itself is wrong. */
export type PieceVerdict =
  | { readonly type: 'good' }
  | { readonly type: 'bad' }
  | { readonly type: 'contradiction'; readonly holds: readonly string[]; readonly fails: readonly string[] };

/** A piece that is hashed while its bytes arrive, in order. */
export interface PieceStream {
  /** Takes the next bytes; the view is not kept. */
  update(bytes: Uint8Array): void;
  /**
   * The verdict over all bytes; ask once. `unsettled`: the chosen hash failed and others were not computed; feed the
   * whole piece to a stream made with `all` to learn whether it is bad or the torrent contradicts itself.
   */
  verdict(): PieceVerdict | { readonly type: 'unsettled' };
}

/** What a verifier is made from. */
export interface PieceVerifierOptions {
  /** Piece digests of the torrent, concatenated in order, by algorithm name. */
  readonly digests: ReadonlyMap<string, Uint8Array>;
  readonly registry: HashRegistry;
  /** Name of the algorithm to verify with, or `all`; the best one when left out. */
  readonly verifyWith?: string | undefined;
}

interface Check {
  readonly algorithm: HashAlgorithm;
  /** Digests of all pieces. */
  readonly expected: Uint8Array;
}

/** Below this index, pieces are checked by all algorithms: a contradiction shows before much is fetched. */
const FULLY_CHECKED_FIRST = 4;
/** After that 1 piece in this many (a power of two). */
const FULLY_CHECKED_EVERY = 256;
const STRONG_DIGEST_LENGTH = 32;

const GOOD: PieceVerdict = { type: 'good' };
const BAD: PieceVerdict = { type: 'bad' };
const UNSETTLED = { type: 'unsettled' } as const;

/** Whether a piece is checked by all algorithms of its torrent, and not only by the chosen one. */
export function isCheckedByAll(pieceIndex: number): boolean {
  return pieceIndex < FULLY_CHECKED_FIRST || (pieceIndex & (FULLY_CHECKED_EVERY - 1)) === 0;
}

export class PieceVerifier {
  /** All algorithms of the torrent that we know, the chosen one first. */
  readonly #checks: readonly [Check, ...Check[]];
  /** The chosen one alone. */
  readonly #chosen: readonly [Check];
  readonly #everyPieceByAll: boolean;

  /**
   * @throws {P2P_METAINFO_UNKNOWN_HASHES} when the torrent carries no algorithm that the registry knows
   * @throws {P2P_METAINFO_INVALID} when digests do not come out even, or for different numbers of pieces
   * @throws {P2P_OPTION_INVALID} when the torrent does not carry `verifyWith`
   * @throws {P2P_HASH_UNKNOWN} when the torrent carries `verifyWith`, but no plugin for it is there
   */
  constructor({ digests, registry, verifyWith }: PieceVerifierOptions) {
    const known = knownChecks(digests, registry);
    this.#everyPieceByAll = verifyWith === 'all';
    const chosen = pickCheck(known, digests, registry, verifyWith === 'all' ? undefined : verifyWith);
    this.#checks = [chosen, ...known.filter((check) => check !== chosen)];
    this.#chosen = [chosen];
  }

  /** The name of the algorithm that every piece is checked with. */
  get algorithmName(): string {
    return this.#chosen[0].algorithm.name;
  }

  /** The names of all algorithms that take part, the chosen one first. */
  get algorithmNames(): string[] {
    return this.#checks.map((check) => check.algorithm.name);
  }

  /**
   * The verdict on a whole piece.
   * @param pieceIndex of the torrent: 0 ≤ index < pieceCount
   * @param bytes all of the piece
   */
  verify(pieceIndex: number, bytes: Uint8Array): PieceVerdict {
    const [chosen] = this.#chosen;
    const holds = matches(chosen, pieceIndex, chosen.algorithm.digest(bytes));
    if (this.#checks.length === 1 || (holds && !this.#isCheckedByAll(pieceIndex))) return holds ? GOOD : BAD;
    return judge(this.#checks, (check) =>
      check === chosen ? holds : matches(check, pieceIndex, check.algorithm.digest(bytes)),
    );
  }

  /**
   * A verification over a stream, for pieces too large for one buffer.
   * @param all compute every known algorithm, so that the verdict is never `unsettled`
   */
  createStream(pieceIndex: number, all = false): PieceStream {
    const checks = all || this.#isCheckedByAll(pieceIndex) ? this.#checks : this.#chosen;
    const isSettled = checks.length === this.#checks.length;
    const hashers = checks.map((check) => check.algorithm.createHasher());
    return {
      update(bytes) {
        for (const hasher of hashers) hasher.update(bytes);
      },
      verdict() {
        const verdict = judge(checks, (check, at) => holdsStreamed(check, pieceIndex, hashers[at]));
        return verdict.type === 'bad' && !isSettled ? UNSETTLED : verdict;
      },
    };
  }

  #isCheckedByAll(pieceIndex: number): boolean {
    return this.#everyPieceByAll || isCheckedByAll(pieceIndex);
  }
}

function holdsStreamed(check: Check, pieceIndex: number, hasher: Hasher | undefined): boolean {
  return hasher !== undefined && matches(check, pieceIndex, hasher.digest());
}

function judge(checks: readonly Check[], holds: (check: Check, at: number) => boolean): PieceVerdict {
  const held: string[] = [];
  const failed: string[] = [];
  for (const [at, check] of checks.entries()) (holds(check, at) ? held : failed).push(check.algorithm.name);
  if (failed.length === 0) return GOOD;
  return held.length === 0 ? BAD : { type: 'contradiction', holds: held, fails: failed };
}

/** Compares in place; nothing is secret here, so it may stop at the first difference. */
function matches({ algorithm, expected }: Check, pieceIndex: number, digest: Uint8Array): boolean {
  const start = pieceIndex * algorithm.digestLength;
  if (digest.length !== algorithm.digestLength || start + digest.length > expected.length) return false;
  for (let at = 0; at < digest.length; at += 1) {
    if (digest[at] !== expected[start + at]) return false;
  }
  return true;
}

/** Best first: `blake3`; then digests of 32 bytes and more, the built-in ones first; `sha1`; shorter ones. */
function knownChecks(digests: ReadonlyMap<string, Uint8Array>, registry: HashRegistry): readonly [Check, ...Check[]] {
  const known: Check[] = [];
  for (const [name, expected] of digests) {
    const algorithm = registry.find(name);
    if (algorithm) known.push({ algorithm, expected });
  }
  known.sort((one, other) => rank(one, registry) - rank(other, registry));
  const [best, ...rest] = known;
  if (!best) {
    const names = [...digests.keys()];
    throw new MetainfoError(
      'P2P_METAINFO_UNKNOWN_HASHES',
      `the torrent is hashed with ${names.join(', ')} alone, and here are only ${registry.names().join(', ')}; ` +
        'install a plugin for it: p2p plugins install NAME, or --hash-plugin MODULE for one run',
      { names, known: registry.names() },
    );
  }
  for (const check of rest) checkCounts(best, check);
  checkCounts(best, best);
  return [best, ...rest];
}

function rank({ algorithm: { name, digestLength } }: Check, registry: HashRegistry): number {
  if (name === 'blake3') return 0;
  if (digestLength >= STRONG_DIGEST_LENGTH) return registry.isBuiltIn(name) ? 1 : 2;
  return name === 'sha1' ? 3 : 4;
}

function checkCounts(best: Check, check: Check): void {
  const { name, digestLength } = check.algorithm;
  const { length } = check.expected;
  const pieceCount = best.expected.length / best.algorithm.digestLength;
  if (length === pieceCount * digestLength && Number.isInteger(pieceCount)) return;
  throw new MetainfoError(
    'P2P_METAINFO_INVALID',
    `the ${name} digests have ${length} bytes, which is not ${digestLength} for each of ${pieceCount} pieces`,
    { name, length, digestLength, pieceCount },
  );
}

function pickCheck(
  known: readonly [Check, ...Check[]],
  digests: ReadonlyMap<string, Uint8Array>,
  registry: HashRegistry,
  name: string | undefined,
): Check {
  if (name === undefined) return known[0];
  const check = known.find(({ algorithm }) => algorithm.name === name);
  if (check) return check;
  if (digests.has(name)) registry.require(name);
  const names = [...digests.keys()];
  throw new OptionError(`cannot verify with '${name}': the torrent carries ${names.join(', ')}`, { name, names });
}
