/**
 * What stays at the bottom of a terminal while lines scroll away above it: live lines, and below them what is being typed.
 *
 *     an answer, a note …      (printed once, scrolls away)
 *     story.txt  ███░░  57%    (live lines, repainted in place)
 *     > pro                    (the input line, when something is typed)
 *
 * The cursor stays behind the last character, so that it is known where the painted lines begin.
 */
import { displayWidth } from './display-width.js';

/** Which lines a terminal wraps anew when it becomes narrower. */
export type Reflow = 'all' | 'above-cursor' | 'none';

export interface Screen {
  /** Whether painting is allowed now: not in the background, where the shell has the screen. */
  readonly isPaintable: boolean;
  readonly columns: number;
  /** Undefined when unknown. */
  readonly rows: number | undefined;
  readonly reflow: Reflow;
}

/** Erases from here to the end of the screen (ECMA-48, ED). */
const ERASE_DOWN = '\u001b[J';
const PROMPT = '> ';

export class ScreenBottom {
  readonly #write: (text: string) => void;
  readonly #screen: () => Screen;
  #owner: object | undefined;
  #live: readonly string[] = [];
  #input = '';
  #painted: readonly string[] = [];
  #isHidden = false;

  /** @param screen asked before each change, since windows are resized */
  constructor(write: (text: string) => void, screen: () => Screen) {
    this.#write = write;
    this.#screen = screen;
  }

  /** From now on the live lines are those of `owner`; those of another are gone. */
  claim(owner: object): void {
    this.#owner = owner;
    this.#live = [];
    this.repaint();
  }

  /** @param lines none wider than the terminal less one; ignored unless `owner` was the last to claim */
  setLive(owner: object, lines: readonly string[]): void {
    if (owner !== this.#owner) return;
    this.#live = lines;
    this.repaint();
  }

  /** Takes the live lines away, unless others took their place. */
  release(owner: object): void {
    this.setLive(owner, []);
    if (owner === this.#owner) this.#owner = undefined;
  }

  /** @param text printable, of any width; empty for no input line */
  setInput(text: string): void {
    this.#input = text;
    this.repaint();
  }

  /** Steps aside while something is printed on either stream. */
  above(print: () => void): void {
    this.#put(this.#erasure());
    this.#painted = [];
    print();
    this.repaint();
  }

  /** Brings the screen to what it should show; writes nothing when it does. */
  repaint(): void {
    const lines = this.#wanted();
    const isUpToDate = lines.length === this.#painted.length && lines.every((line, at) => line === this.#painted[at]);
    if (isUpToDate && this.#rowsToFirst() === Math.max(0, lines.length - 1)) return;
    const text = lines.join('\n');
    this.#put(this.#erasure() + text);
    this.#painted = this.#screen().isPaintable ? lines : [];
  }

  /** Leaves the screen to somebody else, clean, until `show`. */
  hide(): void {
    this.#isHidden = true;
    this.repaint();
  }

  /** Paints again, in the row where the cursor is: whatever was painted before belongs to the past. */
  show(): void {
    this.#isHidden = false;
    this.#painted = [''];
    this.repaint();
  }

  #put(text: string): void {
    if (text !== '' && this.#screen().isPaintable) this.#write(text);
  }

  #wanted(): string[] {
    const { isPaintable, columns, rows } = this.#screen();
    if (this.#isHidden || !isPaintable) return [];
    // Made for a wider window: their owner brings narrower ones in a moment.
    const fitting = this.#live.filter((line) => widthOf(line) < columns);
    const lines = this.#input === '' ? fitting : [...fitting, fitInput(this.#input, columns - 1)];
    return rows === undefined ? lines : lines.slice(-Math.max(1, rows - 1));
  }

  /** Back to the start of the first painted line, and all below it gone. */
  #erasure(): string {
    if (this.#painted.length === 0) return '';
    const rows = this.#rowsToFirst();
    return rows === 0 ? `\r${ERASE_DOWN}` : `\r\u001b[${rows}A${ERASE_DOWN}`;
  }

  /** How many rows the cursor is below the first painted line, after the terminal wrapped them at its present width. */
  #rowsToFirst(): number {
    const { columns, reflow } = this.#screen();
    const last = this.#painted.length - 1;
    return this.#painted.reduce((rows, line, at) => {
      const isWrapped = reflow === 'all' || (reflow === 'above-cursor' && at < last);
      return rows + (isWrapped ? rowsOf(line, columns) : 1);
    }, -1);
  }
}

/**
 * How the terminal of this environment treats long lines when it becomes narrower. Most wrap them; xterm and the Linux
 * console cut them, and so does GNU screen; VS Code leaves the line with the cursor alone.
 */
export function reflowOf(env: NodeJS.ProcessEnv): Reflow {
  const term = env['TERM'] ?? '';
  if (env['TMUX']) return 'all';
  if (env['TERM_PROGRAM'] === 'vscode') return 'above-cursor';
  return env['XTERM_VERSION'] || term === 'linux' || term.startsWith('screen') ? 'none' : 'all';
}

/** `> ` and the text; of one that is too wide its end, behind a `…`. */
function fitInput(text: string, columns: number): string {
  const characters = Array.from(text);
  const room = columns - PROMPT.length;
  if (mostWidthOf(characters) <= room) return PROMPT + text;
  let from = characters.length;
  let width = 1;
  while (from > 0) {
    width += mostWidthOf([characters[from - 1] ?? '']);
    if (width > room) break;
    from -= 1;
  }
  return `${PROMPT}…${characters.slice(from).join('')}`;
}

/**
 * Columns that characters take where each is drawn by itself. Terminals do not agree on emoji of several characters: this
 * is the most that any of them uses.
 */
function mostWidthOf(characters: readonly string[]): number {
  return characters.reduce((sum, character) => sum + (character > '~' ? 2 : 1), 0);
}

/** Columns of a line that may carry colours. */
function widthOf(line: string): number {
  return displayWidth(line.replace(/\u001b\[[\d;]*m/g, ''));
}

function rowsOf(line: string, columns: number): number {
  return Math.max(1, Math.ceil(widthOf(line) / columns));
}
