/** What Piscina loads in each worker thread: long host tasks and short hashing tasks. */
import type { MessagePort } from 'node:worker_threads';

import { hashPieces } from './hash-pieces.js';
import { runWorkerHost } from './worker-host.js';
import type { HashTaskResult, WorkerTask } from './worker-messages.js';

export default async function runTask(task: WorkerTask): Promise<HashTaskResult | undefined> {
  if (task.type === 'hash-pieces') return hashPieces(task);
  await runWorkerHost(task.config, task.port as MessagePort);
  return undefined;
}
