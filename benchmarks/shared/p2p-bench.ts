/** Trackers, seeders and downloaders as measured processes, in one folder that is removed at the end. */
import { createCipheriv } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { MeasuredProcess } from './measured-process.js';

/** The shipped command line. */
export const P2P = fileURLToPath(new URL('../../../bin/run.js', import.meta.url));

/** Signals that end a benchmark, with its exit code. */
const STOPS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const;
const CHUNK_BYTES = 8 * 1024 * 1024;

export class P2pBench {
  /** On tmpfs where there is one, so that no disk is measured. */
  readonly folder = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'p2p-bench-'));
  readonly #processes: MeasuredProcess[] = [];

  constructor() {
    for (const [signal, code] of STOPS) {
      process.once(signal, () => {
        void this.close().then(() => process.exit(code));
      });
    }
  }

  path(name: string): string {
    return path.join(this.folder, name);
  }

  /** `p2p ARGS --json` with a state folder of its own. */
  start(name: string, args: readonly string[]): MeasuredProcess {
    const started = new MeasuredProcess([process.execPath, P2P, ...args, '--json'], {
      P2P_STATE: this.path(`state-${name}`),
    });
    this.#processes.push(started);
    return started;
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
    await Promise.all(this.#processes.map((each) => each.kill()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A file of pseudo-random bytes, the same each time: a cipher's key stream. */
export function writeRandomFile(file: string, sizeBytes: number): void {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16));
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
