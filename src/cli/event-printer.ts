/** The engine's events as lines for people and scripts. */
import type { EngineEvent } from '../engine/engine-types.js';
import { formatDuration } from '../units.js';
import { FindingDisplay } from './finding-display.js';
import { countOf } from './format-pieces.js';
import { HashingDisplay } from './hashing-display.js';
import { findingFields } from './json-fields.js';
import type { Output } from './output.js';
import { printable } from './printable.js';

const MOST_REFUSAL_NOTES = 5;
const MOST_RESUMED_LINES = 10;
const MOST_WEB_SEED_NOTES = 10;

/** Takes each event once. Progress and finished downloads are told by the sessions, which know paths and names. */
export class EventPrinter {
  /** The port that peers reach us at; undefined before the engine listens. */
  port: number | undefined;
  readonly #output: Output;
  readonly #hashing: HashingDisplay;
  readonly #finding: FindingDisplay;
  #refusals = 0;
  #resumed = 0;
  #webSeedFailures = 0;

  constructor(output: Output) {
    this.#output = output;
    this.#hashing = new HashingDisplay(output);
    this.#finding = new FindingDisplay(output);
  }

  handle(event: EngineEvent): void {
    switch (event.type) {
      case 'listening':
        this.port = event.port;
        this.#pass(event);
        break;
      case 'note':
        this.#output.note(event.message);
        break;
      case 'hashing':
        this.#hashing.update(event.name, event.doneBytes, event.totalBytes);
        break;
      case 'finding-metadata':
        this.#output.event(event.type, findingFields(event));
        this.#finding.update(event);
        break;
      case 'piece-refused':
        this.#pass(event);
        this.#sayRefused(event);
        break;
      case 'peer-banned':
        this.#pass(event);
        this.#say(`${event.peer} is banned: ${event.reason}.`);
        break;
      case 'resumed':
        this.#pass(event);
        this.#sayResumed(event);
        break;
      case 'web-seed-failed':
        this.#pass({ ...event, retryInMs: event.retryInMs ?? null });
        this.#sayWebSeedFailed(event);
        break;
      case 'announced':
      case 'downloaded':
        this.#pass(event);
        break;
      default:
        event satisfies never;
    }
  }

  close(): void {
    this.#hashing.close();
    this.#finding.close();
  }

  #sayRefused(event: Extract<EngineEvent, { type: 'piece-refused' }>): void {
    this.#refusals += 1;
    if (this.#refusals > MOST_REFUSAL_NOTES) return;
    const more = this.#refusals === MOST_REFUSAL_NOTES ? ' Further ones are only counted.' : '';
    this.#say(
      `piece ${event.pieceIndex} failed its hash and is fetched again (from ${event.peers.join(', ')}).${more}`,
    );
  }

  #sayWebSeedFailed({ url, message, retryInMs }: Extract<EngineEvent, { type: 'web-seed-failed' }>): void {
    this.#webSeedFailures += 1;
    if (this.#webSeedFailures > MOST_WEB_SEED_NOTES) return;
    const next = retryInMs === undefined ? 'it is not asked again' : `asked again in ${formatDuration(retryInMs)}`;
    this.#say(`the web seed ${url} ${message}: ${next}.`);
  }

  /** Of a thousand that are taken up together the first few will do. */
  #sayResumed({ name, ownedPieces, pieceCount, hashedPieces }: Extract<EngineEvent, { type: 'resumed' }>): void {
    this.#resumed += 1;
    if (this.#resumed > MOST_RESUMED_LINES) return;
    const checked = hashedPieces > 0 ? ` (${countOf(hashedPieces, 'doubtful one')} checked again)` : '';
    this.#output.text(
      this.#output.style.dim(
        `Going on with ${printable(name)}: ${ownedPieces} of ${countOf(pieceCount, 'piece')} are here${checked}`,
      ),
    );
  }

  /** The event as a JSON line; all its fields are plain. */
  #pass({ type, ...fields }: { readonly type: EngineEvent['type'] } & Readonly<Record<string, unknown>>): void {
    this.#output.event(type, fields);
  }

  /** For people alone: scripts have the event itself. */
  #say(message: string): void {
    if (this.#output.isJson) return;
    this.#output.diagnostic(`${this.#output.diagnosticStyle.yellow('Note:')} ${printable(message)}`);
  }
}
