/**
 * Fails the run when something outlives the top-level suite that opened it: a socket, a timer, a worker, a child process,
 * an open file. Whatever the tests of a suite open, its own hooks must close.
 *
 * Looked at after each suite, since what `before` opens may live until `after`; a short grace lets closing sockets close.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import type { RootHookObject } from 'mocha';

const GRACE_MS = 2_000;
const STEP_MS = 20;

/** Kinds of resources that belong to Node, mocha and this hook itself. */
const IGNORED = new Set([
  'TTYWrap',
  'Immediate',
  'TickObject',
  'FSReqPromise',
  'FSReqCallback',
  'CloseReq',
  'SignalWrap',
]);

/** Node lists sockets and timers among its resources, but not threads. */
const liveWorkers = new Set<Worker>();
process.on('worker', (worker) => {
  liveWorkers.add(worker);
  worker.once('exit', () => liveWorkers.delete(worker));
});

/** What is open: kind, or the name of an open file → how many. */
function openThings(): Map<string, number> {
  const things = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    if (!IGNORED.has(kind)) things.set(kind, (things.get(kind) ?? 0) + 1);
  }
  if (liveWorkers.size > 0) things.set('Worker', liveWorkers.size);
  for (const file of openFiles()) things.set(`file ${file}`, (things.get(`file ${file}`) ?? 0) + 1);
  return things;
}

/** Regular files that this process holds open; Linux alone tells, elsewhere nothing is found. */
function openFiles(): string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    const target = linkTarget(`/proc/self/fd/${fd}`);
    return target?.startsWith('/') && !/^\/(dev|proc|sys)\//.test(target) ? [target] : [];
  });
}

function linkTarget(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch (error) {
    // The descriptor of the listing itself is gone by now.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** What is there now beyond `before`, after waiting for it to go. */
async function leakedSince(before: ReadonlyMap<string, number>): Promise<string[]> {
  for (let waitedMs = 0; ; waitedMs += STEP_MS) {
    const leaked = [...openThings()].filter(([thing, count]) => count > (before.get(thing) ?? 0));
    if (leaked.length === 0 || waitedMs >= GRACE_MS) return leaked.map(([thing, count]) => `${count} × ${thing}`);
    await delay(STEP_MS);
  }
}

let before = new Map<string, number>();

/** Mocha's own timer is there once a hook waits: both looks are taken with it. */
function mochaTimer(): Promise<void> {
  return delay(0);
}

/** Fails the suite that just ended if it left something; from then on that is taken as given, so that it is told once. */
async function settle(): Promise<void> {
  await mochaTimer();
  const leaked = await leakedSince(before);
  before = openThings();
  if (leaked.length > 0) throw new Error(`left open at the end: ${leaked.join(', ')}`);
}

/** Taken by mocha through `.mocharc.json`. */
export const mochaHooks: RootHookObject = {
  async beforeAll(this: Mocha.Context) {
    await mochaTimer();
    before = openThings();
    // Added last, so that it runs after each suite's own hooks.
    for (const suite of this.test?.parent?.suites ?? []) suite.afterAll('nothing stays open', settle);
  },
};
