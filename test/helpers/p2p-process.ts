/**
 * One run of the shipped command line as a real child process, awaited by the JSON lines that it prints. Nothing here
 * sleeps: each wait ends with the line, with the end of the process, or with an error that shows all that was printed.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonLine, LineOf, LineType } from './json-line.js';
import { projectRoot } from './project-root.js';

export interface P2pProcessOptions {
  /** For the printed log of a failed test. */
  readonly name?: string;
  /** Working directory: `./input` and `./output` lie in it. */
  readonly cwd: string;
  /** The state folder (`P2P_STATE`). */
  readonly stateDir: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Without `--json`: stdout is kept as text alone. */
  readonly plainText?: boolean;
  /** A command that runs node: `['ip', 'netns', 'exec', NAME]`. */
  readonly wrapper?: readonly string[];
}

/** How a process ended. */
export interface ProcessExit {
  /** The exit code; null when a signal killed it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface Waiter {
  readonly accept: (line: JsonLine) => boolean;
  readonly resolve: (line: JsonLine) => void;
  readonly reject: (error: Error) => void;
}

/** How long one wait may take before the test is told what was printed instead. */
const WAIT_LIMIT_MS = 45_000;

export class P2pProcess {
  readonly name: string;
  /** All JSON lines so far, in order. */
  readonly lines: JsonLine[] = [];
  stdout = '';
  stderr = '';
  /** Breaches of the JSON contract: lines that are no object, without type or version, or behind the last one. */
  readonly breaches: string[] = [];
  readonly #child: ChildProcess;
  readonly #commandLine: string;
  readonly #waiters = new Set<Waiter>();
  readonly #taken = new Map<LineType, number>();
  readonly #exited: Promise<ProcessExit>;
  #exit: ProcessExit | undefined;
  #rest = '';

  /** Starts `node bin/run.js ...args --json`. */
  constructor(args: readonly string[], options: P2pProcessOptions) {
    const command = [
      ...(options.wrapper ?? []),
      process.execPath,
      join(projectRoot, 'bin', 'run.js'),
      ...args,
      ...(options.plainText === true ? [] : ['--json']),
    ];
    const [program = '', ...rest] = command;
    this.name = options.name ?? args.slice(0, 2).join(' ');
    this.#commandLine = `p2p ${args.join(' ')}`;
    this.#child = spawn(program, rest, {
      cwd: options.cwd,
      // Tests that run beside each other share torrents, and shall not meet; nor may they ask the internet.
      env: { ...inheritedEnv(), P2P_STATE: options.stateDir, P2P_LSD: 'false', P2P_DHT: 'false', ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child.stdin?.end();
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      if (options.plainText !== true) this.#handleText(text);
    });
    this.#exited = new Promise((resolve) => {
      this.#child.once('error', (error) => (this.stderr += `cannot start: ${error.message}\n`));
      this.#child.once('close', (code, signal) => resolve(this.#handleExit({ code, signal })));
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get isRunning(): boolean {
    return this.#exit === undefined;
  }

  /** The first line of this type that was not handed out before, as soon as it is there. */
  async next<T extends LineType>(type: T): Promise<LineOf<T>> {
    const count = (this.#taken.get(type) ?? 0) + 1;
    this.#taken.set(type, count);
    let seen = 0;
    return this.until(type, () => (seen += 1) === count);
  }

  /** The first line of this type, from the start of the output on, that `accept` takes. */
  async until<T extends LineType>(
    type: T,
    accept: (line: LineOf<T>) => boolean,
    limitMs: number = WAIT_LIMIT_MS,
  ): Promise<LineOf<T>> {
    const wanted = (line: JsonLine): boolean => line.type === type && accept(line as LineOf<T>);
    return (await this.#waitFor(wanted, `a line of type '${type}'`, limitMs)) as LineOf<T>;
  }

  /** All lines of a type so far. */
  all<T extends LineType>(type: T): LineOf<T>[] {
    return this.lines.filter((line) => line.type === type) as LineOf<T>[];
  }

  /** How the process ended, once all that it printed was read. */
  async exit(limitMs: number = WAIT_LIMIT_MS): Promise<ProcessExit> {
    const ended = await this.#within(this.#exited, 'the end of the process', limitMs);
    if (this.breaches.length > 0) throw new Error(`${this.breaches.join('\n')}\n${this.log()}`);
    return ended;
  }

  /** The last line of a process that must succeed. @throws when the exit code is not 0 or the last line no `result` */
  async result(limitMs: number = WAIT_LIMIT_MS): Promise<LineOf<'result'>> {
    const { code, signal } = await this.exit(limitMs);
    const last = this.lines.at(-1);
    if (code !== 0 || last?.type !== 'result') {
      throw new Error(`expected a result and exit code 0, not ${signal ?? String(code)}\n${this.log()}`);
    }
    return last;
  }

  /** The last line of a process that must fail. @throws unless it is an `error` that tells the true exit code */
  async failure(limitMs: number = WAIT_LIMIT_MS): Promise<LineOf<'error'>> {
    const { code, signal } = await this.exit(limitMs);
    const last = this.lines.at(-1);
    if (last?.type !== 'error') {
      throw new Error(`expected an error as the last line (exit: ${signal ?? String(code)})\n${this.log()}`);
    }
    if (last.exitCode !== code) throw new Error(`exit code ${String(code)} is not the told one\n${this.log()}`);
    return last;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Closes the reading end of its stdout, as `| head` does. */
  closeStdout(): void {
    this.#child.stdout?.destroy();
    this.#rest = '';
  }

  /** Asks the process to end as Ctrl-C does, and waits until it has. */
  async stop(): Promise<ProcessExit> {
    this.signal('SIGINT');
    return this.exit();
  }

  /** Ends the process at once, if it still runs. */
  async kill(): Promise<void> {
    if (this.isRunning) this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** A field of /proc/PID/status in bytes: `VmRSS` is resident now, `VmHWM` its peak. Undefined where there is no /proc. */
  memoryBytes(field: 'VmRSS' | 'VmHWM'): number | undefined {
    const path = `/proc/${this.pid}/status`;
    if (!existsSync(path)) return undefined;
    const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(path, 'utf8'));
    return match ? Number(match[1]) * 1024 : undefined;
  }

  /** Command line, end and all output, for a person: of a run of progress lines only the first and the last. */
  log(): string {
    const ended = this.#exit ? `ended with ${this.#exit.signal ?? String(this.#exit.code)}` : 'still running';
    return [
      `--- ${this.name}: ${this.#commandLine} (pid ${this.pid}, ${ended})`,
      withoutRuns(this.stdout.split('\n')).join('\n').trimEnd(),
      ...(this.stderr === '' ? [] : ['--- its stderr', this.stderr.trimEnd()]),
    ].join('\n');
  }

  #handleText(text: string): void {
    const parts = (this.#rest + text).split('\n');
    this.#rest = parts.pop() ?? '';
    for (const part of parts) this.#handleLine(part);
  }

  #handleLine(text: string): void {
    const line = parseLine(text);
    if (line === undefined) {
      this.breaches.push(`stdout carries a line that is no JSON line of version 1: ${text.slice(0, 300)}`);
      return;
    }
    const last = this.lines.at(-1)?.type;
    if (last === 'result' || last === 'error') this.breaches.push(`a line follows the last one: ${text}`);
    this.lines.push(line);
    for (const waiter of this.#waiters) {
      if (!waiter.accept(line)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(line);
    }
  }

  #handleExit(exit: ProcessExit): ProcessExit {
    this.#exit = exit;
    if (this.#rest !== '') this.breaches.push(`stdout ends in the middle of a line: ${this.#rest}`);
    for (const waiter of this.#waiters) waiter.reject(new Error(`the process ended too early\n${this.log()}`));
    this.#waiters.clear();
    return exit;
  }

  async #waitFor(accept: (line: JsonLine) => boolean, what: string, limitMs: number): Promise<JsonLine> {
    const found = this.lines.find(accept);
    if (found) return found;
    if (this.#exit) throw new Error(`ended without ${what}\n${this.log()}`);
    let waiter: Waiter | undefined;
    const arrival = new Promise<JsonLine>((resolve, reject) => {
      waiter = { accept, resolve, reject };
      this.#waiters.add(waiter);
    });
    try {
      return await this.#within(arrival, what, limitMs);
    } finally {
      if (waiter) this.#waiters.delete(waiter);
    }
  }

  async #within<T>(promise: Promise<T>, what: string, limitMs: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`waited ${limitMs} ms for ${what}\n${this.log()}`)), limitMs);
    });
    try {
      return await Promise.race([promise, limit]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function parseLine(text: string): JsonLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (!('type' in value) || typeof value.type !== 'string' || !('version' in value) || value.version !== 1) {
    return undefined;
  }
  return { ...value, readAtMs: performance.now() } as unknown as JsonLine;
}

function withoutRuns(lines: readonly string[]): string[] {
  const isProgress = (line: string | undefined): boolean => line?.includes('"progress"') ?? false;
  return lines.filter((line, at) => !(isProgress(lines[at - 1]) && isProgress(line) && isProgress(lines[at + 1])));
}

function inheritedEnv(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([key]) => !key.startsWith('P2P_') && key !== 'NODE_OPTIONS');
  return Object.fromEntries(kept);
}
