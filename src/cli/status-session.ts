/** `p2p status` once its command line is read. */
import type { StatusReader } from '../engine/read-status.js';
import type { CopyDetail, CopyStatus } from '../engine/status-types.js';
import type { ResultFields } from './base-command.js';
import { copyDetailFields, copyFields } from './json-fields.js';
import { LiveLines } from './live-lines.js';
import type { Output } from './output.js';
import { renderStatusCard } from './status-card.js';
import { renderStatus } from './status-table.js';
import { StopSignal } from './stop-signal.js';

const REPAINT_EVERY_MS = 1_000;

export interface StatusSettings {
  readonly stateDir: string;
  /** Which copy; all when left out. */
  readonly target: string | undefined;
  readonly watch: boolean;
}

/** @returns the fields of the result: of a watch, how things stood last */
export async function showStatus(output: Output, settings: StatusSettings): Promise<ResultFields> {
  const { StatusReader: Reader } = await import('../engine/read-status.js');
  const reader = new Reader(settings.stateDir, (message) => output.note(message));
  try {
    const view = new StatusView(output, reader, settings.target);
    if (settings.watch) return await watch(output, view);
    const { lines, fields } = view.look();
    output.text(...lines);
    return fields;
  } finally {
    reader.close();
  }
}

/** Looks again every second until a signal comes, which is its ordinary end. */
async function watch(output: Output, view: StatusView): Promise<ResultFields> {
  const stop = new StopSignal();
  const live = output.terminal.isInteractive ? new LiveLines(output) : undefined;
  let last = view.look();
  try {
    while (stop.reason === undefined) {
      last = view.look();
      if (live) live.paint(cutToScreen(last.lines));
      else output.text(...last.lines, '');
      output.event('status', last.fields);
      await stop.within(REPAINT_EVERY_MS);
    }
    return last.fields;
  } finally {
    live?.close();
    if (live) output.text(...last.lines);
    stop.close();
  }
}

/** Lines that leave the screen cannot be painted over. */
function cutToScreen(lines: readonly string[]): readonly string[] {
  const rows = Math.max((process.stdout.rows || Infinity) - 1, 3);
  if (lines.length <= rows) return lines;
  return [
    ...lines.slice(0, rows - 1),
    `and ${lines.length - rows + 1} more lines: make the window taller, or name one`,
  ];
}

/** For scripts, which do not see the lines. */
function nothingBut(copies: readonly object[]): { readonly lines: readonly string[]; readonly fields: ResultFields } {
  return { lines: [], fields: { copies } };
}

class StatusView {
  readonly #output: Output;
  readonly #reader: StatusReader;
  readonly #target: string | undefined;

  constructor(output: Output, reader: StatusReader, target: string | undefined) {
    this.#output = output;
    this.#reader = reader;
    this.#target = target;
  }

  look(): { readonly lines: readonly string[]; readonly fields: ResultFields } {
    const { isJson } = this.#output;
    if (this.#target === undefined) {
      const copies = this.#reader.list();
      return isJson ? nothingBut(copies.map(copyFields)) : { lines: this.#table(copies), fields: {} };
    }
    const details = this.#reader.find(this.#target, process.cwd()).map((copy) => this.#reader.detail(copy));
    return isJson ? nothingBut(details.map(copyDetailFields)) : { lines: this.#cards(details), fields: {} };
  }

  #table(copies: readonly CopyStatus[]): readonly string[] {
    if (copies.length === 0)
      return ['Nothing is shared or fetched here yet: p2p peer seed PATH, p2p peer download NAME.'];
    return renderStatus(copies, this.#size(), this.#output.style, process.cwd());
  }

  #cards(details: readonly CopyDetail[]): readonly string[] {
    return details.flatMap((detail, index) => [
      ...(index > 0 ? [''] : []),
      ...renderStatusCard(detail, this.#size(), this.#output.style),
    ]);
  }

  /** Into a pipe or a file goes all of it. */
  #size() {
    const { terminal } = this.#output;
    return terminal.isInteractive ? { ...terminal, columns: terminal.columns - 1 } : { ...terminal, columns: Infinity };
  }
}
