/**
 * The Piscina pool behind a `WorkerPool`: threads that load `worker-main`, one for each host, and more when there is more
 * to hash than those can take.
 *
 * A thread takes some 60 ms to be ready. `bin/run.js` therefore starts them before the command line is read, on the other
 * cores; the pool of the process then takes them over.
 */
import { availableParallelism } from 'node:os';

import { Piscina } from 'piscina';

const MOST_DEFAULT_THREADS = 4;

/** What Piscina tells of a thread. */
export interface Thread {
  readonly id: number;
  readonly currentUsage: number;
}

/** Chooses the thread of a task; null leaves the task in the queue. */
export type PickThread = <Each extends Thread>(taskName: string, threads: readonly Each[]) => Each | null;

export interface WorkerThreads {
  readonly piscina: Piscina;
  /** Short tasks that a thread gets at most, beside its host. */
  readonly shortTasksMost: number;
  /** Set once, by whoever gives them work. */
  pickThread: PickThread;
}

let waiting: { readonly count: number; readonly threads: WorkerThreads } | undefined;

/** What threads are for: connections, one of which fills a core of which the main thread needs a part; or hashing alone. */
export type ThreadUse = 'transfers' | 'hashing';

/** For hashing a thread for each core; for transfers one less, since a thread costs as much as many connections. */
export function defaultThreadCount(use: ThreadUse): number {
  const cores = availableParallelism();
  return Math.min(MOST_DEFAULT_THREADS, Math.max(1, use === 'hashing' ? cores : cores - 1));
}

/** Starts as many threads as such a process has by default, for its first pool. */
export function startThreadsEarly(use: ThreadUse): void {
  const count = defaultThreadCount(use);
  waiting ??= { count, threads: startThreads(count) };
}

/** The threads that wait, if they are enough; new ones otherwise. */
export function takeThreads(count: number): WorkerThreads {
  const early = waiting;
  waiting = undefined;
  if (early && early.count >= count) return early.threads;
  void early?.threads.piscina.destroy();
  return startThreads(count);
}

/**
 * Has a thread load its module by `import` at once. Piscina tries `require` first, and a thread that is ended while that
 * instantiates an ES module may abort the whole process ("IsGraphAsync must be used on an instantiated module", seen once
 * on Node 20.20): a command that fails at once ends threads that have just begun. Flags of whoever started Node go to the
 * threads only when none are named for them, so those come first.
 */
function importOnly(): { readonly execArgv?: string[] } {
  const flag = '--experimental-require-module';
  const isPlain = process.execArgv.length === 0 && (process.env['NODE_OPTIONS'] ?? '') === '';
  if (!isPlain || !process.allowedNodeEnvironmentFlags.has(flag)) return {};
  return { execArgv: [flag.replace('--', '--no-')] };
}

/**
 * `atomics: 'disabled'`, since an idle thread would be parked otherwise, and its sockets would freeze.
 */
function startThreads(count: number): WorkerThreads {
  const most = Math.max(count, defaultThreadCount('hashing'));
  const shortTasksMost = Math.max(2, Math.ceil((2 * availableParallelism()) / most));
  const piscina = new Piscina({
    filename: new URL('./worker-main.js', import.meta.url).href,
    minThreads: count,
    maxThreads: most,
    // One place for the host, the others for hashing.
    concurrentTasksPerWorker: 1 + shortTasksMost,
    loadBalancer: (task, candidates) => threads.pickThread(task.name, candidates),
    atomics: 'disabled',
    ...importOnly(),
    idleTimeout: Number.POSITIVE_INFINITY,
  });
  // A thread that dies outside a task says so here; its host task rejects too, which is where it is handled.
  piscina.on('error', () => undefined);
  const threads: WorkerThreads = { piscina, shortTasksMost, pickThread: () => null };
  return threads;
}
