/** Where a command's words go: text for people or JSON lines for scripts, never both. */
import { printable } from './printable.js';
import { reflowOf, ScreenBottom, type Screen } from './screen-bottom.js';
import { styleFor, type Style } from './style.js';
import { terminalOwner, type TerminalOwner } from './terminal-owner.js';
import { terminalOf, type Terminal } from './terminal.js';

/** Version of the JSON lines (docs/command-line.md); a breaking change of any line raises it. */
export const JSON_FORMAT_VERSION = 1;

/** A stream that text can be written to; `process.stdout` and test doubles. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  on?(event: 'resize', listener: () => void): unknown;
  off?(event: 'resize', listener: () => void): unknown;
}

/** The two streams of a command and how it speaks. */
export class Output {
  readonly isJson: boolean;
  /** What stays below all that is printed. */
  readonly bottom: ScreenBottom;
  readonly #stdout: TextStream;
  readonly #stderr: TextStream;
  readonly #env: NodeJS.ProcessEnv;
  readonly #owner: () => TerminalOwner;

  constructor(
    isJson: boolean,
    streams: { stdout: TextStream; stderr: TextStream } = process,
    env: NodeJS.ProcessEnv = process.env,
    owner: () => TerminalOwner = terminalOwner,
  ) {
    this.isJson = isJson;
    this.#stdout = streams.stdout;
    this.#stderr = streams.stderr;
    this.#env = env;
    this.#owner = owner;
    this.bottom = new ScreenBottom(
      (text) => this.#stdout.write(text),
      () => this.#screen(),
    );
  }

  /** What stdout can do now. With JSON it is never interactive, and in the background of a terminal for the moment. */
  get terminal(): Terminal {
    const terminal = terminalOf(this.#stdout, this.#env);
    if (this.isJson) return { ...terminal, isInteractive: false, hasColors: false };
    return terminal.isInteractive && this.#owner() === 'others' ? { ...terminal, isInteractive: false } : terminal;
  }

  /** Whether stdout is a terminal that lines can be repainted on, now or when it is ours again. */
  get hasScreen(): boolean {
    return !this.isJson && terminalOf(this.#stdout, this.#env).isInteractive;
  }

  get style(): Style {
    return styleFor(this.terminal.hasColors);
  }

  /** Lines for people, on stdout; nothing with `--json`. */
  text(...lines: readonly string[]): void {
    if (!this.isJson) this.bottom.above(() => this.#stdout.write(lines.map((line) => `${line}\n`).join('')));
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
    this.bottom.above(() => this.#stderr.write(lines.map((line) => `${line}\n`).join('')));
  }

  /** The style of stderr. */
  get diagnosticStyle(): Style {
    return styleFor(this.#errorHasColors);
  }

  /** Calls `listener` whenever the window is resized. @returns what ends that */
  onResize(listener: () => void): () => void {
    this.#stdout.on?.('resize', listener);
    return () => void this.#stdout.off?.('resize', listener);
  }

  get #errorHasColors(): boolean {
    return terminalOf(this.#stderr, this.#env).hasColors;
  }

  #screen(): Screen {
    const { isInteractive: isPaintable, columns } = this.terminal;
    return { isPaintable, columns, rows: this.#stdout.rows, reflow: reflowOf(this.#env) };
  }
}

/** Bytes as hex, maps as objects: what JSON has no words for. */
function toJson(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (value instanceof Map) return Object.fromEntries(value);
  return value;
}
