/** What is typed while a peer runs: `prog`, `peers`, `help`, `exit`, below its live lines. */
import type { Transfer } from '../engine/engine-types.js';
import { LineEditor, type TypedEvent } from './line-editor.js';
import type { Output } from './output.js';
import { printable } from './printable.js';
import type { StopSignal } from './stop-signal.js';
import { hasTerminalKeys, TerminalKeys } from './terminal-keys.js';
import { answerTo } from './typed-words.js';

/**
 * Listens from its making until `close` or until a stop is requested, where stdin and stdout are a terminal and people
 * read (no `--json`); elsewhere it does nothing, and stdin is not touched.
 */
export class Prompt {
  readonly #output: Output;
  readonly #stop: StopSignal;
  readonly #transfers: () => readonly Transfer[];
  readonly #editor = new LineEditor();
  readonly #keys: TerminalKeys | undefined;
  readonly #offResize: (() => void) | undefined;

  /** @param transfers asked at each answer */
  constructor(output: Output, stop: StopSignal, transfers: () => readonly Transfer[]) {
    this.#output = output;
    this.#stop = stop;
    this.#transfers = transfers;
    if (!output.hasScreen || !hasTerminalKeys() || stop.reason !== undefined) return;
    this.#offResize = output.onResize(() => output.bottom.repaint());
    this.#keys = new TerminalKeys({
      handleKeys: (text) => this.#handleKeys(text),
      handleLeave: () => this.#leave(),
      handleReturn: () => output.bottom.show(),
    });
    // From then on the keys are the terminal's own again: another Ctrl-C ends the process as ever.
    void stop.requested.then(() => this.close());
  }

  /** Gives the terminal back. Idempotent. */
  close(): void {
    if (!this.#keys) return;
    this.#keys.close();
    this.#offResize?.();
    this.#editor.reset();
    this.#output.bottom.setInput('');
  }

  #leave(): void {
    this.#editor.reset();
    this.#output.bottom.setInput('');
    this.#output.bottom.hide();
  }

  #handleKeys(text: string): void {
    for (const event of this.#editor.feed(text)) this.#handle(event);
    this.#output.bottom.setInput(printable(this.#editor.text));
  }

  #handle(event: TypedEvent): void {
    if (event.type === 'line') this.#answer(event.text);
    else if (event.signal === 'SIGTSTP') this.#keys?.suspend();
    else this.#keys?.interrupt(event.signal);
  }

  #answer(line: string): void {
    if (line.toLowerCase() === 'exit') {
      this.#stop.requestExit();
      return;
    }
    const { terminal, style } = this.#output;
    const snapshots = this.#transfers().map((transfer) => transfer.snapshot());
    this.#output.bottom.setInput('');
    this.#output.text(...answerTo(line, snapshots, { terminal, style }));
  }
}
