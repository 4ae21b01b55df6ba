/** What somebody types into one line: from what a terminal sends in raw mode to text and lines. Owns no terminal. */
import { graphemesOf } from './display-width.js';

/** What typing led to. Signals are keys that a terminal in raw mode does not turn into signals by itself. */
export type TypedEvent =
  | { readonly type: 'line'; readonly text: string }
  | { readonly type: 'signal'; readonly signal: 'SIGINT' | 'SIGTSTP' | 'SIGQUIT' };

/**
 *     text ──ESC──▶ escape ──[ or O──▶ sequence (until its final character)
 *                     ├──] P X ^ _──▶ string (until BEL, ESC \ or a line end)
 *                     └──end of the read──▶ lone-escape: the key itself, unless [ or O follows
 */
type State = 'text' | 'escape' | 'lone-escape' | 'sequence' | 'string';

/** More than any word has; what is typed beyond it is dropped. */
const MOST_CHARACTERS = 100;
const SIGNALS: Readonly<Record<string, 'SIGINT' | 'SIGTSTP' | 'SIGQUIT'>> = {
  '\u0003': 'SIGINT',
  '\u001a': 'SIGTSTP',
  '\u001c': 'SIGQUIT',
};

/**
 * Takes characters, backspace, Ctrl-U, Ctrl-W, Enter and the up key (the last line again). Everything else that has no
 * text, such as Ctrl-D and the sequences of other keys (ECMA-48), does nothing.
 */
export class LineEditor {
  #text = '';
  #lastLine = '';
  #state: State = 'text';
  /** Whether something stands between the beginning of a sequence and its final character. */
  #hasParameters = false;

  /** What is typed and not yet sent by Enter: no control characters, at most 100 characters. */
  get text(): string {
    return this.#text;
  }

  /**
   * @param input one read of the terminal, decoded; sequences may go on in the next one
   * @returns the lines and signals in it, in order; lines are trimmed, and empty ones left out
   */
  feed(input: string): TypedEvent[] {
    const events: TypedEvent[] = [];
    for (const character of input) {
      const event = this.#take(character);
      if (event) events.push(event);
    }
    // A sequence comes in one read, but for bad luck on a slow line.
    if (this.#state === 'escape') this.#state = 'lone-escape';
    return events;
  }

  /** Forgets a sequence that was begun and what is typed, for a terminal that was away. */
  reset(): void {
    this.#text = '';
    this.#state = 'text';
  }

  #take(character: string): TypedEvent | undefined {
    const signal = SIGNALS[character];
    if (signal !== undefined) {
      this.reset();
      return { type: 'signal', signal };
    }
    switch (this.#state) {
      case 'text':
        return this.#takeText(character);
      case 'escape':
      case 'lone-escape':
        return this.#takeEscaped(character);
      case 'sequence':
        this.#takeOfSequence(character);
        return undefined;
      case 'string':
        if (character === '\u0007' || character === '\r' || character === '\n') this.#state = 'text';
        // The backslash of ESC \ is then taken as the key that ESC was pressed with.
        else if (character === '\u001b') this.#state = 'escape';
        return undefined;
      default:
        return this.#state satisfies never;
    }
  }

  #takeText(character: string): TypedEvent | undefined {
    switch (character) {
      case '\r':
      case '\n':
        return this.#submit();
      case '\u001b':
        this.#state = 'escape';
        break;
      // Backspace: terminals send one or the other.
      case '\u007f':
      case '\b':
        this.#text = [...graphemesOf(this.#text)]
          .slice(0, -1)
          .map(({ segment }) => segment)
          .join('');
        break;
      case '\u0015':
        this.#text = '';
        break;
      case '\u0017':
        this.#text = this.#text.replace(/\S*\s*$/u, '');
        break;
      default:
        this.#append(character);
    }
    return undefined;
  }

  #takeEscaped(character: string): TypedEvent | undefined {
    const isAlone = this.#state === 'lone-escape';
    if (character === '[' || character === 'O') {
      this.#state = 'sequence';
      this.#hasParameters = false;
    } else if (/[\]PX^_]/.test(character) && !isAlone) this.#state = 'string';
    else if (character === '\u001b') this.#state = 'escape';
    else {
      this.#state = 'text';
      // What ends or mends a line does so behind an escape too; with a letter in one read it is Alt and that letter.
      if (isAlone || character < ' ' || character === '\u007f') return this.#takeText(character);
    }
    return undefined;
  }

  #takeOfSequence(character: string): void {
    // Parameters and intermediates go from 0x20 to 0x3f; a second `[` comes with function keys on a Linux console.
    if ((character >= ' ' && character <= '?') || character === '[') {
      this.#hasParameters = true;
      return;
    }
    this.#state = character === '\u001b' ? 'escape' : 'text';
    if (this.#hasParameters) return;
    if (character === 'A') this.#text = this.#lastLine;
    else if (character === 'B') this.#text = '';
  }

  #submit(): TypedEvent | undefined {
    const text = this.#text.trim();
    this.#text = '';
    if (text === '') return undefined;
    this.#lastLine = text;
    return { type: 'line', text };
  }

  #append(character: string): void {
    const isControl = character < ' ' || (character >= '\u007f' && character <= '\u009f');
    if (isControl || this.#text.length >= MOST_CHARACTERS) return;
    this.#text += character;
  }
}
