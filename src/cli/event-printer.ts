/** The engine's events as lines for people and scripts. */
import type { EngineEvent } from '../engine/engine-types.js';
import { HashingDisplay } from './hashing-display.js';
import type { Output } from './output.js';
import { printable } from './printable.js';

const MOST_REFUSAL_NOTES = 5;

/** Takes each event once. Progress and finished downloads are told by the sessions, which know paths and names. */
export class EventPrinter {
  /** The port that peers reach us at; undefined before the engine listens. */
  port: number | undefined;
  readonly #output: Output;
  readonly #hashing: HashingDisplay;
  readonly #greetedBy = new Set<string>();
  #refusals = 0;

  constructor(output: Output) {
    this.#output = output;
    this.#hashing = new HashingDisplay(output);
  }

  handle(event: EngineEvent): void {
    switch (event.type) {
      case 'listening':
        this.port = event.port;
        return this.#pass(event);
      case 'note':
        return this.#output.note(event.message);
      case 'hashing':
        return this.#hashing.update(event.name, event.doneBytes, event.totalBytes);
      case 'announced':
        return this.#announced(event);
      case 'piece-refused':
        return this.#refused(event);
      case 'peer-banned':
        this.#pass(event);
        return this.#say(`${event.peer} is banned: ${event.reason}.`);
      case 'downloaded':
        return this.#pass(event);
      default:
        return event satisfies never;
    }
  }

  close(): void {
    this.#hashing.close();
  }

  #announced(event: Extract<EngineEvent, { type: 'announced' }>): void {
    this.#pass(event);
    this.#greetedBy.add(event.url);
  }

  #refused(event: Extract<EngineEvent, { type: 'piece-refused' }>): void {
    this.#pass(event);
    this.#refusals += 1;
    if (this.#refusals > MOST_REFUSAL_NOTES) return;
    const more = this.#refusals === MOST_REFUSAL_NOTES ? ' Further ones are only counted.' : '';
    this.#say(`piece ${event.pieceIndex} failed its hash and is fetched again (from ${event.peers.join(', ')}).${more}`);
  }

  /** The event as a JSON line; all its fields are plain. */
  #pass({ type, ...fields }: EngineEvent): void {
    this.#output.event(type, fields);
  }

  /** For people alone: scripts have the event itself. */
  #say(message: string): void {
    if (this.#output.isJson) return;
    this.#output.diagnostic(`${this.#output.diagnosticStyle.yellow('Note:')} ${printable(message)}`);
  }
}
