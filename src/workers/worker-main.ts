/** What Piscina loads in each worker thread: long host tasks, short tasks that hash or tidy the database. */
import { threadId, type MessagePort } from 'node:worker_threads';

import { toErrorValue } from '../errors.js';
import { hashPieces } from './hash-pieces.js';
import { runWorkerHost } from './worker-host.js';
import type { HashTaskResult, TaskOutcome, WorkerTask } from './worker-messages.js';

export default async function runTask(task: WorkerTask): Promise<TaskOutcome> {
  try {
    return { value: await perform(task) };
  } catch (error) {
    return { error: toErrorValue(error), threadId };
  }
}

/** The same under a name of its own: the pool gives each host task a thread that has none. */
export const runHost = runTask;

async function perform(task: WorkerTask): Promise<HashTaskResult | undefined> {
  switch (task.type) {
    case 'hash-pieces':
      return hashPieces(task);
    case 'checkpoint': {
      // Loaded here: most processes never need SQLite in a worker.
      const { checkpointDatabase } = await import('../database/checkpoint-database.js');
      checkpointDatabase(task.databasePath);
      return undefined;
    }
    case 'host':
      await runWorkerHost(task.config, task.port as MessagePort);
      return undefined;
    default:
      return task satisfies never;
  }
}
