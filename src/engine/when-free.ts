/** Starting a transfer while another process writes into the state database: tried again from the loop for a while. */
import { setTimeout as delay } from 'node:timers/promises';

import { isRetryable } from '../database/sqlite.js';

const PATIENCE_MS = 5_000;
const RETRY_MS = 50;

/**
 * Does `work`, and again while the database is busy. What it did before it failed must do no harm when it is done twice.
 * @param signal ends the waiting
 * @throws what `work` throws; {P2P_STATE_UNUSABLE} when the database stays busy for 5 s
 */
export async function whenFree<T>(work: () => T, signal: AbortSignal): Promise<T> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (!isRetryable(error) || performance.now() >= deadlineMs) throw error;
    }
    await delay(RETRY_MS, undefined, { signal });
  }
}
