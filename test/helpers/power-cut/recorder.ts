/** Compiles `recorder.c`, and records what processes do to one folder. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { hasProgram, requireOrSkip, skipUnless } from '../external-tool.js';
import { projectRoot } from '../project-root.js';
import { parseDiskLog, type DiskEvent, type Inode } from './disk-log.js';

/** Skips the calling test where no library can be compiled and preloaded. */
export function requireRecorder(test: Mocha.Context): void {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  skipUnless(test, process.platform === 'linux' && header.glibcVersionRuntime !== undefined, 'Linux with glibc');
  skipUnless(test, existsSync('/dev/shm'), '/dev/shm');
  requireOrSkip(test, hasProgram('cc'), 'cc');
}

/**
 * A new folder in memory: a database is opened hundreds of times in it, and each time the disk would be waited for. Real
 * path. The caller removes it.
 */
export function aMemoryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync('/dev/shm/p2p-power-cut-');
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface RecorderOptions {
  /** Real path of the folder that is watched; made here, empty. */
  readonly root: string;
  /** Folder for the library and the logs, not below `root`. */
  readonly workDir: string;
  /** How long each flush takes at least: others write meanwhile. */
  readonly syncMs?: number;
}

export class Recorder {
  readonly root: string;
  readonly rootInode: Inode;
  readonly #options: RecorderOptions;
  readonly #library: string;
  readonly #logs: string[] = [];

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.root = options.root;
    mkdirSync(options.root);
    this.rootInode = statSync(options.root).ino;
    this.#library = join(options.workDir, 'recorder.so');
    const source = join(projectRoot, 'test', 'helpers', 'power-cut', 'recorder.c');
    const flags = ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', this.#library, source, '-ldl', '-lpthread'];
    const { status, stderr } = spawnSync('cc', flags, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`the recorder cannot be compiled:\n${stderr}`);
  }

  /** Environment of the next process that is recorded; one after the other, since each has a log of its own. */
  nextEnv(): Record<string, string> {
    const log = join(this.#options.workDir, `recorded-${this.#logs.length}.log`);
    this.#logs.push(log);
    return {
      LD_PRELOAD: this.#library,
      POWER_CUT_ROOT: this.root,
      POWER_CUT_LOG: log,
      POWER_CUT_SYNC_MS: String(this.#options.syncMs ?? 0),
      // Writes that the kernel takes from a ring pass by every library.
      UV_USE_IO_URING: '0',
    };
  }

  /** Everything that the processes so far did. @throws when one of them did what cannot be recorded */
  events(): DiskEvent[] {
    return this.#logs.flatMap((log, run) => (existsSync(log) ? parseDiskLog(readFileSync(log), this.root, run) : []));
  }
}
