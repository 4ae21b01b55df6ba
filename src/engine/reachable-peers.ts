/** Peers of a magnet link, whose hosts may be names. */
import { lookup } from 'node:dns/promises';

import { escapeText } from '../metainfo/escape-text.js';
import type { PeerAddress } from '../protocol/peer-address.js';
import type { EngineContext } from './engine-context.js';

/**
 * Where the peers are: names are looked up, and one that has no address is a note.
 * @throws the engine's reason when it closes
 */
export async function reachablePeers(engine: EngineContext, peers: readonly PeerAddress[]): Promise<PeerAddress[]> {
  const found = await Promise.all(
    peers.map(async ({ host, port }) => {
      const result = await unlessAborted(
        lookup(host).catch(() => undefined),
        engine.signal,
      );
      if (!result) engine.note(`the peer ${escapeText(host)} of the magnet link has no address`);
      return result ? { host: result.address, port } : undefined;
    }),
  );
  return found.filter((peer) => peer !== undefined);
}

/** For what cannot be broken off: its result does not matter any more. @throws the signal's reason when it aborts */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    void work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  });
}
