/**
 * A child process with its exact cost: wall time from the spawn to the exit, CPU of all its threads, peak memory.
 *
 * CPU and peak memory stand in `/proc/PID`, also of a process that has ended and was not waited for yet. Node reaps a
 * child at once, so a shell stands between: it starts the child, waits for it, and then tells by `times` what its
 * children cost. Peak memory is read while the child lives, every 20 ms: the peak cannot go down, so only growth in the
 * last 20 ms could be missed.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';

export interface MeasuredExit {
  readonly exitCode: number;
  readonly wallMs: number;
  /** User and system time of all its threads, in seconds. */
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

/** What a `p2p --json` line has at least. */
export interface BenchLine {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface ProcessSetting {
  readonly env?: Readonly<Record<string, string>>;
  /** A command that runs the rest of its line somewhere else: `ip netns exec NAME`. */
  readonly inside?: readonly string[];
}

const MEMORY_STEP_MS = 20;
/** What is kept of its stderr, for the message when it fails. */
const STDERR_CHARACTERS = 4_000;
/** For a program that does not end when it is asked to. */
const STOP_LIMIT_MS = 5_000;

/** Tells the child's id on descriptor 3, and in the end the processor time of the shell (first line) and of the child. */
const WRAPPER = '"$@" & child=$!; echo $child >&3; wait $child; status=$?; times >&3; exit $status';

export class MeasuredProcess {
  readonly lines: BenchLine[] = [];
  stderr = '';
  readonly #shell: ChildProcess;
  /** `performance.now()` of its start. */
  readonly startedMs = performance.now();
  readonly #exit: Promise<MeasuredExit>;
  readonly #waiters = new Set<() => void>();
  #pid: number | undefined;
  #peakBytes = 0;
  #told = '';
  #hasEnded = false;

  constructor(command: readonly string[], { env = {}, inside = [] }: ProcessSetting = {}) {
    const [program = 'bash', ...args] = [...inside, 'bash', '-c', WRAPPER, 'measured', ...command];
    this.#shell = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    const [, stdout, stderr, tell] = this.#shell.stdio;
    if (!stdout || !stderr || !tell || !('setEncoding' in stdout)) throw new Error('the shell has no pipes');
    createInterface({ input: stdout }).on('line', (text) => this.#handleLine(text));
    stderr.on('data', (bytes: Buffer) => (this.stderr = (this.stderr + bytes.toString()).slice(-STDERR_CHARACTERS)));
    tell.on('data', (bytes: Buffer) => this.#handleTold(bytes.toString()));
    const memoryTimer = setInterval(() => this.#readPeak(), MEMORY_STEP_MS);
    let endedMs = 0;
    this.#shell.once('exit', () => (endedMs = performance.now()));
    this.#exit = new Promise((resolve) => {
      this.#shell.once('close', (code) => {
        clearInterval(memoryTimer);
        this.#hasEnded = true;
        for (const wake of this.#waiters) wake();
        resolve({
          exitCode: code ?? 1,
          wallMs: endedMs - this.startedMs,
          cpuSeconds: childSeconds(this.#told),
          peakBytes: this.#peakBytes,
        });
      });
    });
  }

  /** The first line of a type. @throws when the process ends without it */
  async line(type: string): Promise<BenchLine> {
    for (;;) {
      const found = this.lines.find((line) => line.type === type);
      if (found) return found;
      if (this.#hasEnded)
        throw new Error(`no '${type}' line; last: ${JSON.stringify(this.lines.at(-1))}\n${this.stderr}`);
      await this.#changed();
    }
  }

  /** Waits until the lines so far fit. @throws when the process ends before */
  async lineWhere(fits: (lines: readonly BenchLine[]) => boolean): Promise<void> {
    while (!fits(this.lines)) {
      if (this.#hasEnded) throw new Error(`it ended; last: ${JSON.stringify(this.lines.at(-1))}\n${this.stderr}`);
      await this.#changed();
    }
  }

  exit(): Promise<MeasuredExit> {
    return this.#exit;
  }

  /** Its process id. @throws when it ended before that was known */
  async pid(): Promise<number> {
    while (this.#pid === undefined) {
      if (this.#hasEnded) throw new Error(`it ended at once: ${this.stderr.trim()}`);
      await this.#changed();
    }
    return this.#pid;
  }

  /**
   * Asks it to end, and waits until it has; ends it if it takes long. A shell without job control keeps Ctrl-C from its
   * child, so SIGTERM.
   */
  async stop(): Promise<MeasuredExit> {
    this.#signal('SIGTERM');
    const timer = setTimeout(() => this.#signal('SIGKILL'), STOP_LIMIT_MS);
    const exit = await this.#exit;
    clearTimeout(timer);
    return exit;
  }

  /** Ends it at once, if it runs. */
  async kill(): Promise<void> {
    this.#signal('SIGKILL');
    await this.#exit;
  }

  #signal(name: NodeJS.Signals): void {
    if (this.#shell.exitCode === null && this.#pid !== undefined) signalIfThere(this.#pid, name);
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiters.delete(wake);
        resolve();
      };
      this.#waiters.add(wake);
    });
  }

  #handleLine(text: string): void {
    if (text.startsWith('{')) this.lines.push(JSON.parse(text) as BenchLine);
    for (const wake of this.#waiters) wake();
  }

  #handleTold(text: string): void {
    this.#told += text;
    const match = /^(\d+)\n/.exec(this.#told);
    if (match && this.#pid === undefined) this.#pid = Number(match[1]);
    for (const wake of this.#waiters) wake();
  }

  #readPeak(): void {
    if (this.#pid === undefined) return;
    const status = readIfThere(`/proc/${this.#pid}/status`);
    const match = /^VmHWM:\s+(\d+) kB/m.exec(status);
    if (match) this.#peakBytes = Math.max(this.#peakBytes, Number(match[1]) * 1024);
  }
}

/** The second line of `times`: `0m1.234s 0m0.567s`, user and system time of the children that ended. */
function childSeconds(told: string): number {
  const lines = [...told.matchAll(/^(\d+)m([\d.]+)s (\d+)m([\d.]+)s$/gm)];
  const [, userMin, userSec, sysMin, sysSec] = lines[1] ?? [];
  return Number(userMin) * 60 + Number(userSec) + Number(sysMin) * 60 + Number(sysSec);
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isGone(error)) return '';
    throw error;
  }
}

function signalIfThere(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH');
}
