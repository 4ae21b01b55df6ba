/** One tracker that was asked over several families of addresses: one answer. */
import { setTimeout as delay } from 'node:timers/promises';
import { formatAddress } from '../protocol/peer-address.js';
import type { AnnounceReply } from './parse-announce-reply.js';

/**
 * The first answer, together with what else comes within `graceMs` of it. A family that fails or is slow hinders nobody.
 * @param asked at least one
 * @throws the first failure when all fail
 */
export async function mergeReplies(asked: readonly Promise<AnnounceReply>[], graceMs: number): Promise<AnnounceReply> {
  const [only] = asked;
  if (only && asked.length === 1) return only;
  const replies: AnnounceReply[] = [];
  const all = Promise.allSettled(asked.map(async (each) => void replies.push(await each)));
  const first = await Promise.any(asked).catch(async (): Promise<never> => {
    const failed = (await Promise.allSettled(asked)).find(({ status }) => status === 'rejected');
    throw failed?.status === 'rejected' ? failed.reason : new Error('nobody was asked');
  });
  const abort = new AbortController();
  await Promise.race([all, delay(graceMs, undefined, { signal: abort.signal }).catch(() => undefined)]);
  abort.abort();
  return replies.reduce(merged, first);
}

function merged(one: AnnounceReply, other: AnnounceReply): AnnounceReply {
  if (one === other) return one;
  const peers = new Map([...one.peers, ...other.peers].map((peer) => [formatAddress(peer), peer]));
  const seeders = greater(one.seeders, other.seeders);
  const leechers = greater(one.leechers, other.leechers);
  const warning = one.warning ?? other.warning;
  return {
    intervalMs: Math.max(one.intervalMs, other.intervalMs),
    minIntervalMs: Math.max(one.minIntervalMs, other.minIntervalMs),
    peers: [...peers.values()],
    ...(seeders !== undefined && { seeders }),
    ...(leechers !== undefined && { leechers }),
    ...(warning !== undefined && { warning }),
  };
}

function greater(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other);
}
