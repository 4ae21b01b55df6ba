/** Trackers, seeders and downloaders as measured processes, in one folder that is removed at the end. */
import { createCipheriv } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, readSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isRunning, leftoverOwner, namespaceName } from '../hosts/namespace-names.js';
import { MeasuredProcess, type ProcessSetting } from './measured-process.js';

/** The shipped command line. */
export const P2P = fileURLToPath(new URL('../../../bin/run.js', import.meta.url));

/** Signals that end a benchmark, with its exit code. */
const STOPS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const;
const CHUNK_BYTES = 8 * 1024 * 1024;

/** Where benchmarks make their folders: on tmpfs where there is one, so that no disk is measured. */
export function benchParent(): string {
  return existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
}

export class P2pBench {
  readonly folder: string;
  readonly #processes = new Set<MeasuredProcess>();
  readonly #cleanups: (() => Promise<void>)[] = [];
  #isClosed = false;

  constructor() {
    removeLeftovers(benchParent());
    this.folder = mkdtempSync(path.join(benchParent(), namespaceName(process.pid, '')));
    for (const [signal, code] of STOPS) {
      process.once(signal, () => {
        void this.close().then(() => process.exit(code));
      });
    }
    process.once('uncaughtException', (error) => {
      console.error(error);
      void this.close().then(() => process.exit(1));
    });
  }

  path(name: string): string {
    return path.join(this.folder, name);
  }

  /** `p2p ARGS --json` with a state folder of its own. */
  start(name: string, args: readonly string[]): MeasuredProcess {
    return this.spawn([process.execPath, P2P, ...args, '--json'], { env: { P2P_STATE: this.path(`state-${name}`) } });
  }

  /** Any program. It is ended with the benchmark. @throws when that ends already */
  spawn(command: readonly string[], setting: ProcessSetting = {}): MeasuredProcess {
    if (this.#isClosed) throw new Error('the benchmark ends');
    const started = new MeasuredProcess(command, setting);
    this.#processes.add(started);
    void started.exit().then(() => this.#processes.delete(started));
    return started;
  }

  /** Something else to take down at the end, whatever the end is. */
  onClose(cleanup: () => Promise<void>): void {
    this.#cleanups.push(cleanup);
  }

  /** Runs to the end. @throws unless it ends with 0 */
  async run(name: string, args: readonly string[]): Promise<MeasuredProcess> {
    const started = this.start(name, args);
    const { exitCode } = await started.exit();
    if (exitCode !== 0) {
      throw new Error(
        `${args.join(' ')} ended with ${exitCode}: ${JSON.stringify(started.lines.at(-1))} ${started.stderr}`,
      );
    }
    return started;
  }

  /** @returns the announce URL */
  async startTracker(): Promise<string> {
    const { url } = await this.start('tracker', ['tracker', 'start', '--port', '0']).line('listening');
    return String(url);
  }

  /** Forgets the state of a process name, so that the next run of it starts anew. */
  forget(name: string): void {
    rmSync(this.path(`state-${name}`), { recursive: true, force: true });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#processes].map((each) => each.kill()));
    for (const cleanup of this.#cleanups) await cleanup();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What a benchmark that was killed left; gigabytes perhaps. */
function removeLeftovers(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = leftoverOwner(name);
    if (pid !== undefined && !isRunning(pid)) rmSync(path.join(parent, name), { recursive: true, force: true });
  }
}

/**
 * A file of pseudo-random bytes, the same each time: a cipher's key stream.
 * @param seed 0 to 255; another one makes other bytes
 */
export function writeRandomFile(file: string, sizeBytes: number, seed = 7): void {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16));
  const zeros = Buffer.alloc(CHUNK_BYTES);
  const fd = openSync(file, 'w');
  for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
    writeSync(fd, cipher.update(zeros.subarray(0, Math.min(CHUNK_BYTES, sizeBytes - at))));
  }
  closeSync(fd);
}

/** @throws when two files differ */
export function expectEqualFiles(left: string, right: string): void {
  const [leftFd, rightFd] = [openSync(left, 'r'), openSync(right, 'r')];
  const [leftBytes, rightBytes] = [Buffer.alloc(CHUNK_BYTES), Buffer.alloc(CHUNK_BYTES)];
  for (let at = 0; ;) {
    const leftCount = readSync(leftFd, leftBytes);
    const rightCount = readSync(rightFd, rightBytes);
    if (leftCount !== rightCount || leftBytes.compare(rightBytes, 0, rightCount, 0, leftCount) !== 0) {
      throw new Error(`${left} and ${right} differ after byte ${at}`);
    }
    if (leftCount === 0) break;
    at += leftCount;
  }
  closeSync(leftFd);
  closeSync(rightFd);
}
