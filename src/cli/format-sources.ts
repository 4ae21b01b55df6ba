/** Connections in words. */
import type { LinkSnapshot } from '../swarm/swarm-snapshot.js';
import { countOf } from './format-pieces.js';

/** `3 peers`, `3 peers, 1 web seed`, `1 web seed`. */
export function formatSources(links: readonly Pick<LinkSnapshot, 'webSeed'>[]): string {
  const { peers, webSeeds } = countSources(links);
  if (webSeeds === 0) return countOf(peers, 'peer');
  const ofWeb = countOf(webSeeds, 'web seed');
  return peers === 0 ? ofWeb : `${countOf(peers, 'peer')}, ${ofWeb}`;
}

/** How many of the connections are peers', and how many web seeds'. */
export function countSources(links: readonly Pick<LinkSnapshot, 'webSeed'>[]): {
  readonly peers: number;
  readonly webSeeds: number;
} {
  const webSeeds = links.filter(({ webSeed }) => webSeed !== undefined).length;
  return { peers: links.length - webSeeds, webSeeds };
}
