/**
 * Where others see us: each peer tells it (`yourip`, BEP 10), and what most of them tell is believed. Peers of our machine,
 * of our network and of the world see different addresses, each family its own.
 */
import { isLoopbackHost, isPrivateHost } from '../protocol/peer-address.js';

/** Different addresses kept of one kind; what a liar tells is one of them. */
const MOST_VALUES = 8;
/** Peers whose word counts, of one kind. */
const MOST_VOICES = 64;

interface Voices {
  /** Told address by the telling host: each has one voice. */
  readonly told: Map<string, string>;
  best: string;
}

export class OwnAddress {
  readonly #kinds = new Map<string, Voices>();

  /** @returns whether this changed what is believed */
  handleTold(ownHost: string, byHost: string): boolean {
    if (kindOf(ownHost) !== kindOf(byHost)) return false;
    const kind = kindOf(byHost);
    const voices = this.#kinds.get(kind) ?? { told: new Map<string, string>(), best: '' };
    this.#kinds.set(kind, voices);
    if (!voices.told.has(byHost) && voices.told.size >= MOST_VOICES) return false;
    const values = new Set(voices.told.values());
    if (!values.has(ownHost) && values.size >= MOST_VALUES) return false;
    voices.told.set(byHost, ownHost);
    const best = mostFrequent(voices.told.values());
    if (best === voices.best) return false;
    voices.best = best;
    return true;
  }

  /** Our address as a peer at this host sees it; undefined while nobody told. */
  seenFrom(host: string): string | undefined {
    return this.#kinds.get(kindOf(host))?.best;
  }
}

/** Addresses of one kind see each other. */
function kindOf(host: string): string {
  const reach = isLoopbackHost(host) ? 'machine' : isPrivateHost(host) ? 'network' : 'world';
  return `${host.includes(':') ? 'ipv6' : 'ipv4'} ${reach}`;
}

/** Of equally frequent ones the first. */
function mostFrequent(values: Iterable<string>): string {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  let best = '';
  let most = 0;
  for (const [value, count] of counts) {
    if (count <= most) continue;
    best = value;
    most = count;
  }
  return best;
}
