/**
 * Which web seeds (BEP 19) a torrent has, when to open them, and which to leave alone for good.
 *
 * A failure backs off, doubling, with jitter, or for as long as the server asks for (Retry-After). What will not change
 * by waiting (the file is not there, or is another one) drops the web seed at once, else so many failures without a
 * verified piece in between do.
 */
import { shownWebSeed } from '../metainfo/web-seeds.js';

/** Web seeds that are open at once: one alone fills most lines, and peers shall have connections too. */
const MOST_OPEN = 4;
const FIRST_BACK_OFF_MS = 2_000;
const LONGEST_BACK_OFF_MS = 300_000;
/** What a server may ask for: an hour. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;
const MOST_FAILURES = 6;

export interface WebSeedRosterOptions {
  /** Without repeats. */
  readonly urls: readonly string[];
  readonly random: () => number;
}

/** Why a web seed had to be closed. */
export interface WebSeedFailure {
  readonly message: string;
  /** Waiting will not mend it. */
  readonly isLasting: boolean;
  /** How long the server wants to be left alone. */
  readonly retryAfterMs?: number;
}

export interface WebSeedSnapshot {
  /** As people may see it. */
  readonly url: string;
  readonly state: 'idle' | 'open' | 'waiting' | 'dropped';
  /** The last failure, empty when there was none. */
  readonly message: string;
}

interface WebSeed {
  readonly url: string;
  /** The connection that it is, while it is open. */
  linkId: number | undefined;
  failures: number;
  nextMs: number;
  isDropped: boolean;
  message: string;
}

export class WebSeedRoster {
  readonly #random: () => number;
  readonly #seeds: readonly WebSeed[];

  constructor(options: WebSeedRosterOptions) {
    this.#random = options.random;
    this.#seeds = options.urls.map((url) => {
      return { url, linkId: undefined, failures: 0, nextMs: -Infinity, isDropped: false, message: '' };
    });
  }

  get openCount(): number {
    return this.#seeds.filter(({ linkId }) => linkId !== undefined).length;
  }

  /** The web seed to open now, the one that failed least first. */
  pickOpen(nowMs: number): string | undefined {
    if (this.openCount >= MOST_OPEN) return undefined;
    let best: WebSeed | undefined;
    for (const seed of this.#seeds) {
      if (!isFree(seed) || seed.nextMs > nowMs) continue;
      if (!best || seed.failures < best.failures) best = seed;
    }
    return best?.url;
  }

  /** When `pickOpen` may have one that waits for the end of a back-off. */
  nextOpenMs(): number | undefined {
    if (this.openCount >= MOST_OPEN) return undefined;
    const free = this.#seeds.filter(isFree);
    return free.length === 0 ? undefined : Math.min(...free.map(({ nextMs }) => nextMs));
  }

  handleOpened(linkId: number, url: string): void {
    const seed = this.#seeds.find((each) => each.url === url);
    if (seed) seed.linkId = linkId;
  }

  /** A piece from it was right: earlier failures are made up for. */
  handleVerified(linkId: number): void {
    const seed = this.#of(linkId);
    if (seed) seed.failures = 0;
  }

  /** It could not be used; `handleClosed` follows. @returns how long it is left alone, undefined when for good */
  handleFailed(linkId: number, failure: WebSeedFailure, nowMs: number): number | undefined {
    const seed = this.#of(linkId);
    if (!seed) return undefined;
    seed.message = failure.message;
    seed.failures += 1;
    seed.isDropped = failure.isLasting || seed.failures >= MOST_FAILURES;
    if (seed.isDropped) return undefined;
    const backOffMs = Math.min(FIRST_BACK_OFF_MS * 2 ** (seed.failures - 1), LONGEST_BACK_OFF_MS);
    const waitMs = Math.max(backOffMs * (0.75 + this.#random() / 2), retryAfterMs(failure));
    seed.nextMs = nowMs + waitMs;
    return waitMs;
  }

  /** It is closed, for whatever reason; one that did nothing wrong may be opened again after a moment. */
  handleClosed(linkId: number, nowMs: number): void {
    const seed = this.#of(linkId);
    if (!seed) return;
    seed.linkId = undefined;
    seed.nextMs = Math.max(seed.nextMs, nowMs + FIRST_BACK_OFF_MS);
  }

  /** It sent what is not in the torrent, and is not opened again. */
  handleBanned(linkId: number, message: string): void {
    const seed = this.#of(linkId);
    if (!seed) return;
    seed.isDropped = true;
    seed.message = message;
  }

  snapshot(nowMs: number): WebSeedSnapshot[] {
    return this.#seeds.map((seed) => {
      return { url: shownWebSeed(seed.url), state: stateOf(seed, nowMs), message: seed.message };
    });
  }

  #of(linkId: number): WebSeed | undefined {
    return this.#seeds.find((seed) => seed.linkId === linkId);
  }
}

function isFree(seed: WebSeed): boolean {
  return !seed.isDropped && seed.linkId === undefined;
}

function retryAfterMs(failure: WebSeedFailure): number {
  return Math.min(failure.retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS);
}

function stateOf(seed: WebSeed, nowMs: number): WebSeedSnapshot['state'] {
  if (seed.isDropped) return 'dropped';
  if (seed.linkId !== undefined) return 'open';
  return seed.nextMs > nowMs ? 'waiting' : 'idle';
}
