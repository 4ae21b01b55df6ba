/** Who takes what the workers say about one torrent. */
import type { FromWorker } from '../workers/worker-messages.js';

export interface WorkerSession {
  /** A message about its torrent; `settle` follows after the batch. */
  handleMessage(hostIndex: number, message: FromWorker): void;
  /** A worker thread died; a new one took its place. */
  handleHostLost(hostIndex: number): void;
  /** Performs what was decided since the last time. */
  settle(): void;
}
