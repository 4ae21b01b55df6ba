/** Where a command's words go: text for people or JSON lines for scripts, never both. */
import { printable } from './printable.js';
import { styleFor, type Style } from './style.js';
import { terminalOf, type Terminal } from './terminal.js';

/** Version of the JSON lines (docs/command-line.md); a breaking change of any line raises it. */
export const JSON_FORMAT_VERSION = 1;

/** A stream that text can be written to; `process.stdout` and test doubles. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Something that sits at the bottom of the terminal and has to step aside while a line is printed above it. */
export interface BottomLines {
  hide(): void;
  show(): void;
}

/** The two streams of a command and how it speaks. */
export class Output {
  readonly isJson: boolean;
  readonly #stdout: TextStream;
  readonly #stderr: TextStream;
  readonly #env: NodeJS.ProcessEnv;
  #bottom: BottomLines | undefined;

  constructor(
    isJson: boolean,
    streams: { stdout: TextStream; stderr: TextStream } = process,
    env: NodeJS.ProcessEnv = process.env,
  ) {
    this.isJson = isJson;
    this.#stdout = streams.stdout;
    this.#stderr = streams.stderr;
    this.#env = env;
  }

  /** What stdout can do now. With JSON it is never interactive. */
  get terminal(): Terminal {
    const terminal = terminalOf(this.#stdout, this.#env);
    return this.isJson ? { ...terminal, isInteractive: false, hasColors: false } : terminal;
  }

  get style(): Style {
    return styleFor(this.terminal.hasColors);
  }

  /** Lines for people, on stdout; nothing with `--json`. */
  text(...lines: readonly string[]): void {
    if (!this.isJson) this.#above(() => this.#stdout.write(lines.map((line) => `${line}\n`).join('')));
  }

  /** A JSON line; nothing without `--json`. `undefined` fields are left out. */
  event(type: string, fields: object): void {
    if (this.isJson)
      this.#stdout.write(`${JSON.stringify({ type, version: JSON_FORMAT_VERSION, ...fields }, toJson)}\n`);
  }

  /** Something worth knowing that stops nothing: on stderr for people, a `note` line for scripts. */
  note(message: string): void {
    this.event('note', { message });
    if (!this.isJson) this.diagnostic(`${styleFor(this.#errorHasColors).yellow('Note:')} ${printable(message)}`);
  }

  /** Lines on stderr, whether JSON or not. */
  diagnostic(...lines: readonly string[]): void {
    this.#above(() => this.#stderr.write(lines.map((line) => `${line}\n`).join('')));
  }

  /** The style of stderr. */
  get diagnosticStyle(): Style {
    return styleFor(this.#errorHasColors);
  }

  /** Writes to stdout as it is: control sequences of the live lines. */
  raw(text: string): void {
    this.#stdout.write(text);
  }

  /** Keeps `bottom` below everything that is printed from now on, in place of what was there; undefined ends that. */
  keepAtBottom(bottom: BottomLines | undefined): void {
    this.#bottom?.hide();
    this.#bottom = bottom;
  }

  isAtBottom(bottom: BottomLines): boolean {
    return this.#bottom === bottom;
  }

  get #errorHasColors(): boolean {
    return terminalOf(this.#stderr, this.#env).hasColors;
  }

  #above(print: () => void): void {
    this.#bottom?.hide();
    print();
    this.#bottom?.show();
  }
}

/** Bytes as hex, maps as objects: what JSON has no words for. */
function toJson(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (value instanceof Map) return Object.fromEntries(value);
  return value;
}
