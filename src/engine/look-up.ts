/** Asking the catalogues of several trackers at once: one that is down must not keep the others waiting. */
import { TrackerError } from '../errors.js';
import { catalogueBaseUrl } from '../tracker/catalogue-client.js';

/** Asks one catalogue. @returns undefined when it does not know */
export type Question<Found> = (baseUrl: string, signal: AbortSignal) => Promise<Found | undefined>;

/**
 * The first answer of those that know; the others are not waited for.
 * @returns undefined when no catalogue knows
 * @throws {P2P_TRACKER_UNREACHABLE} and others of trackers when none could be asked
 * @throws what is wrong with an answer when no other catalogue has a better one
 * @throws the signal's reason when it aborts
 */
export async function lookUp<Found>(
  announceUrls: readonly string[],
  ask: Question<Found>,
  signal: AbortSignal,
): Promise<Found | undefined> {
  const others = new AbortController();
  const either = AbortSignal.any([signal, others.signal]);
  const asked = announceUrls.flatMap((url) => catalogueBaseUrl(url) ?? []).map((baseUrl) => ask(baseUrl, either));
  try {
    const found = await firstFound(asked);
    if (found === undefined) await assertAnswered(asked);
    return found;
  } finally {
    others.abort();
  }
}

/**
 * The answers of all that can be asked.
 * @throws as `lookUp`
 */
export async function askAll<Found>(
  announceUrls: readonly string[],
  ask: Question<Found>,
  signal: AbortSignal,
): Promise<Found[]> {
  const asked = announceUrls.flatMap((url) => catalogueBaseUrl(url) ?? []).map((baseUrl) => ask(baseUrl, signal));
  await assertAnswered(asked);
  const settled = await Promise.allSettled(asked);
  return settled.flatMap((each) => (each.status === 'fulfilled' && each.value !== undefined ? [each.value] : []));
}

/** Resolves with what is found first, with undefined when nothing is. Never rejects. */
function firstFound<Found>(asked: readonly Promise<Found | undefined>[]): Promise<Found | undefined> {
  return new Promise((resolve) => {
    const handleFound = (found: Found | undefined): void => {
      if (found !== undefined) resolve(found);
    };
    const all = asked.map((each) => each.then(handleFound, () => undefined));
    void Promise.all(all).then(() => {
      resolve(undefined);
    });
  });
}

/** @throws the first failure that is no tracker's, or the first one when none answered */
async function assertAnswered(asked: readonly Promise<unknown>[]): Promise<void> {
  const settled = await Promise.allSettled(asked);
  const failures = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as Error] : []));
  const grave = failures.find((error) => !(error instanceof TrackerError));
  if (grave !== undefined) throw grave;
  const [first] = failures;
  if (first && failures.length === settled.length) throw first;
}
