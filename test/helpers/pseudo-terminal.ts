/**
 * A terminal with a program in it: a real pseudo-terminal of the kernel (made by a small Python program, since Node has
 * none), and an emulator that makes a screen of what the program writes.
 */
import xterm from '@xterm/headless';
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from './project-root.js';

export interface PseudoTerminalOptions {
  readonly columns: number;
  readonly rows?: number;
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the emulator wraps the line with the cursor too when the window becomes narrower, as most terminals do. */
  readonly reflowsCursorLine?: boolean;
}

/** How the program in it ended. */
export interface TerminalExit {
  /** Null when a signal killed it. */
  readonly code: number | null;
  /** What the terminal's settings were then. */
  readonly settings: string;
}

interface HostEvent {
  readonly pid?: number;
  readonly settings?: unknown;
  readonly exit?: number | null;
}

interface Waiter {
  readonly isThere: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const WAIT_LIMIT_MS = 15_000;

export class PseudoTerminal {
  /** Everything that the program wrote, control sequences too. */
  raw = '';
  /** Process id of the program; 0 before it started. */
  pid = 0;
  readonly #host: ChildProcess;
  readonly #screen: xterm.Terminal;
  readonly #closed: Promise<void>;
  readonly #waiters = new Set<Waiter>();
  readonly #settings: string[] = [];
  #exit: TerminalExit | undefined;
  #isClosed = false;
  #stderr = '';

  /** @param command program and arguments */
  constructor(command: readonly string[], options: PseudoTerminalOptions) {
    const { columns, rows = 24 } = options;
    this.#screen = new xterm.Terminal({
      ...{ cols: columns, rows, scrollback: 1_000, allowProposedApi: true },
      reflowCursorLine: options.reflowsCursorLine ?? true,
    });
    const host = join(projectRoot, 'test', 'helpers', 'pseudo-terminal.py');
    this.#host = spawn('python3', [host, `${columns}`, `${rows}`, ...command], {
      cwd: options.cwd,
      env: { ...terminalEnv(), ...options.env },
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    });
    this.#host.stdin?.on('error', () => {});
    this.#host.stderr?.on('data', (text: Buffer) => (this.#stderr += text.toString()));
    this.#host.stdout?.on('data', (bytes: Buffer) => {
      this.raw += bytes.toString();
      this.#screen.write(bytes, () => this.#settle());
    });
    let rest = '';
    this.#host.stdio[3]?.on('data', (bytes: Buffer) => {
      const lines = (rest + bytes.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#handleEvent(JSON.parse(line) as HostEvent);
    });
    this.#closed = new Promise((resolve) => {
      this.#host.once('close', () => {
        // What was written last is on the screen only then.
        this.#screen.write('', () => {
          this.#isClosed = true;
          this.#settle();
          resolve();
        });
      });
    });
  }

  /** Lines on the screen and above it, as they were written but for spaces at the end: what the window wrapped is one line. */
  get lines(): string[] {
    const { active } = this.#screen.buffer;
    const rows: string[] = [];
    for (let y = 0; y < active.length; y += 1) {
      const row = active.getLine(y);
      const text = row?.translateToString(true) ?? '';
      if (row?.isWrapped === true) rows.push((rows.pop() ?? '') + text);
      else rows.push(text);
    }
    const lines = rows.map((line) => line.trimEnd());
    while (lines.at(-1) === '') lines.pop();
    return lines;
  }

  /** The line with the cursor, and where the cursor is in its row. */
  get cursor(): { readonly line: string; readonly column: number } {
    const { active } = this.#screen.buffer;
    const line = active.getLine(active.baseY + active.cursorY)?.translateToString(true) ?? '';
    return { line, column: active.cursorX };
  }

  type(keys: string): void {
    this.#order({ keys });
  }

  resize(columns: number, rows = 24): void {
    this.#screen.resize(columns, rows);
    this.#order({ resize: [columns, rows] });
  }

  /** The settings of the terminal as they are now, in a form for comparing. */
  async settings(): Promise<string> {
    const count = this.#settings.length;
    this.#order({ settings: true });
    await this.until('the settings of the terminal', () => this.#settings.length > count);
    return this.#settings.at(-1) ?? '';
  }

  /** Resolves when the screen is as wanted; looks again whenever something was written. */
  async until(what: string, isThere: () => boolean, limitMs = WAIT_LIMIT_MS): Promise<void> {
    if (isThere()) return;
    let waiter: Waiter | undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        waiter = { isThere, resolve, reject };
        this.#waiters.add(waiter);
        timer = setTimeout(() => reject(new Error(`waited ${limitMs} ms for ${what}\n${this.log()}`)), limitMs);
        if (this.#isClosed) reject(new Error(`ended without ${what}\n${this.log()}`));
      });
    } finally {
      clearTimeout(timer);
      if (waiter) this.#waiters.delete(waiter);
    }
  }

  /** Resolves when a line is there that fits. @returns it */
  async untilLine(pattern: RegExp): Promise<string> {
    await this.until(`a line ${String(pattern)}`, () => this.lines.some((line) => pattern.test(line)));
    return this.lines.find((line) => pattern.test(line)) ?? '';
  }

  /** How the program ended, with all that it wrote on the screen. */
  async exit(): Promise<TerminalExit> {
    await this.until('the end of the program', () => this.#isClosed && this.#exit !== undefined);
    return this.#exit as TerminalExit;
  }

  /** Ends all that runs in it. Idempotent. */
  async close(): Promise<void> {
    this.#host.stdin?.end();
    await this.#closed;
    this.#screen.dispose();
  }

  /** The screen, for a person. */
  log(): string {
    return ['--- screen', ...this.lines.map((line) => `| ${line}`), this.#stderr.trimEnd()].join('\n');
  }

  #order(order: object): void {
    this.#host.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  #handleEvent(event: HostEvent): void {
    if (event.pid !== undefined) this.pid = event.pid;
    const settings = JSON.stringify(event.settings);
    if (event.exit !== undefined) this.#exit = { code: event.exit, settings };
    else if (event.settings !== undefined) this.#settings.push(settings);
    this.#settle();
  }

  #settle(): void {
    for (const waiter of this.#waiters) {
      if (waiter.isThere()) waiter.resolve();
      else if (this.#isClosed) waiter.reject(new Error(`the program ended too early\n${this.log()}`));
    }
  }
}

/** The environment without what tells of the terminal that the tests run in. */
function terminalEnv(): NodeJS.ProcessEnv {
  const isOfTerminal =
    /^(P2P_|NODE_OPTIONS$|TERM|TMUX|XTERM_|NO_COLOR|FORCE_COLOR|COLUMNS|LINES|CI$|LC_|LANG|PS1|PROMPT)/;
  const kept = Object.entries(process.env).filter(([key]) => !isOfTerminal.test(key));
  return { ...Object.fromEntries(kept), TERM: 'xterm-256color', LANG: 'C.UTF-8' };
}
