/**
 * One torrent in the catalogues of its trackers: published at once where they answer, and where they do not as soon as the
 * tracker takes an announce. Seeding goes on meanwhile.
 */
import { P2pError, TrackerError } from '../errors.js';
import type { AnnounceGate } from './announce-gate.js';
import { catalogueBaseUrl, publish } from '../tracker/catalogue-client.js';

/** A dead tracker must not keep a seeder waiting. */
const PUBLISH_TIMEOUT_MS = 15_000;

export interface PublicationOptions {
  /** Announce URLs. */
  readonly trackers: readonly string[];
  /** The .torrent file. */
  readonly bytes: Uint8Array;
  /** The secret of the trackers in `trusted`; the others never see it. */
  readonly token: string | undefined;
  readonly trusted: readonly string[];
  readonly onNote: (message: string) => void;
  readonly signal: AbortSignal;
  readonly gate: AnnounceGate;
}

export class Publication {
  readonly #options: PublicationOptions;
  /** Trackers whose catalogue did not answer. */
  readonly #waiting = new Set<string>();
  /** Nobody was told that a catalogue did not answer. */
  #isQuiet = false;

  constructor(options: PublicationOptions) {
    this.#options = options;
  }

  /**
   * Publishes to each catalogue that takes it. One that is down, not there, or wants the token of a tracker that the user
   * never named, is a note.
   * @returns whether any took it
   * @throws {P2P_REFUSED} when a trusted tracker wants a token, or another one
   * @throws the signal's reason when it aborts
   */
  async publishAll(): Promise<boolean> {
    const published = await Promise.all(this.#options.trackers.map((url) => this.#publishAt(url)));
    return published.includes(true);
  }

  /** Instead of `publishAll`: each catalogue is asked once its tracker has answered an announce. */
  publishWhenAnnounced(): void {
    this.#isQuiet = true;
    for (const url of this.#options.trackers) this.#waiting.add(url);
  }

  /** The tracker answers: if its catalogue did not before, it is asked again. */
  handleAnnounced(url: string): void {
    const { gate, signal } = this.#options;
    if (this.#waiting.delete(url)) void gate.run(url, () => this.#publishLate(url), signal);
  }

  async #publishLate(url: string): Promise<void> {
    const { onNote, signal } = this.#options;
    try {
      if ((await this.#publishAt(url)) && !this.#isQuiet) onNote(`published at ${url}, which answers now`);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof P2pError)) throw error;
      onNote(`not published at ${url}: ${error.message}`);
    }
  }

  async #publishAt(url: string): Promise<boolean> {
    const { bytes, token, onNote, signal, trusted } = this.#options;
    const baseUrl = catalogueBaseUrl(url);
    if (baseUrl === undefined) return false;
    const isTrusted = trusted.includes(url);
    try {
      const reply = await publish(baseUrl, bytes, isTrusted ? token : undefined, {
        timeoutMs: PUBLISH_TIMEOUT_MS,
        signal,
      });
      if (reply.type === 'published') return true;
      onNote(`${url} has no catalogue, so others need the magnet link or the .torrent file (${reply.reason})`);
    } catch (error) {
      if (!(error instanceof TrackerError) || (error.code === 'P2P_REFUSED' && isTrusted)) throw error;
      if (error.code === 'P2P_TRACKER_UNREACHABLE') this.#waiting.add(url);
      onNote(`not published at ${url}: ${error.message}`);
    }
    return false;
  }
}
