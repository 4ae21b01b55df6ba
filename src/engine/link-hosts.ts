/** Which worker thread holds which link of a torrent. */
import type { SwarmEvent } from '../swarm/swarm-events.js';

export class LinkHosts {
  readonly #hostOfLink = new Map<number, number>();
  readonly #linksOfHost: number[];

  constructor(hostCount: number) {
    this.#linksOfHost = Array.from({ length: hostCount }, () => 0);
  }

  /** Undefined for a link that is gone. */
  hostOf(linkId: number): number | undefined {
    return this.#hostOfLink.get(linkId);
  }

  linksOf(hostIndex: number): number[] {
    return [...this.#hostOfLink].flatMap(([linkId, host]) => (host === hostIndex ? [linkId] : []));
  }

  /** A link that is dialled goes to the worker that has the fewest. @returns which that is */
  assign(linkId: number): number {
    const host = this.#linksOfHost.indexOf(Math.min(...this.#linksOfHost));
    this.#add(linkId, host);
    return host;
  }

  /** Follows links that came in, and those that end. */
  follow(hostIndex: number, event: SwarmEvent): void {
    if (event.type === 'link-handshaken' && event.incoming) this.#add(event.linkId, hostIndex);
    else if (event.type === 'link-closed' || event.type === 'dial-failed') this.#remove(event.linkId);
  }

  #add(linkId: number, host: number): void {
    this.#hostOfLink.set(linkId, host);
    this.#linksOfHost[host] = (this.#linksOfHost[host] ?? 0) + 1;
  }

  #remove(linkId: number): void {
    const host = this.#hostOfLink.get(linkId);
    if (host === undefined) return;
    this.#hostOfLink.delete(linkId);
    this.#linksOfHost[host] = (this.#linksOfHost[host] ?? 1) - 1;
  }
}
