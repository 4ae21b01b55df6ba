/**
 * Test peers that have all of one torrent and keep a record of what they are asked for, run by run of the downloader: what
 * was asked for twice shows what a restart forgot.
 */
import { writeFileSync } from 'node:fs';
import { buildMetainfo } from '../../src/metainfo/build-metainfo.js';
import type { Metainfo } from '../../src/metainfo/metainfo.js';
import { ID, TestPeer, type TestLink } from './test-peer.js';

export interface WatchedTorrent {
  readonly metainfo: Metainfo;
  /** All files, end to end. */
  readonly data: Uint8Array;
}

export class WatchedSeeders {
  readonly #peers: readonly TestPeer[];
  readonly #trackerUrl: string;
  /** Connections of this run, and how many of their messages were looked at. */
  #links = new Map<TestLink, number>();
  #before = new Set<TestLink>();
  #requested = new Set<number>();
  #haves = new Set<number>();

  /** @param rateBytesPerSec of each of the `count` peers */
  constructor(
    { metainfo, data }: WatchedTorrent,
    how: { readonly count: number; readonly rateBytesPerSec: number; readonly trackerUrl: string },
  ) {
    const { infoHash, layout } = metainfo;
    const options = { infoHash, data, pieceLength: layout.pieceLengthBytes, rateBytesPerSec: how.rateBytesPerSec };
    this.#peers = Array.from({ length: how.count }, () => new TestPeer(options));
    this.#trackerUrl = how.trackerUrl;
  }

  async listen(): Promise<void> {
    await Promise.all(this.#peers.map((peer) => peer.listen()));
  }

  /** Forgets the runs before, and tells the tracker that the peers are there. */
  async beginRun(): Promise<void> {
    this.#before = new Set(this.#peers.flatMap((peer) => peer.links));
    this.#links = new Map();
    this.#requested = new Set();
    this.#haves = new Set();
    await Promise.all(this.#peers.map((peer) => peer.announce(this.#trackerUrl)));
  }

  /** Pieces that were asked for in this run. */
  get requested(): ReadonlySet<number> {
    this.#read();
    return this.#requested;
  }

  /** Pieces that the downloader said in this run that it has, beside those it began with. */
  get haves(): ReadonlySet<number> {
    this.#read();
    return this.#haves;
  }

  /** Blocks that were sent in this run. */
  get blocksSent(): number {
    this.#read();
    return [...this.#links.keys()].reduce((sum, { blocksSent }) => sum + blocksSent, 0);
  }

  /** Connections of this run that are over. */
  get linksClosed(): number {
    this.#read();
    return [...this.#links.keys()].filter(({ isOpen }) => !isOpen).length;
  }

  /** Waits until something that happened on a connection makes `condition` true. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await Promise.race(this.#peers.map((peer) => peer.changed()));
  }

  async close(): Promise<void> {
    await Promise.all(this.#peers.map((peer) => peer.close()));
  }

  #read(): void {
    for (const link of this.#peers.flatMap((peer) => peer.links)) {
      if (this.#before.has(link)) continue;
      for (const { id, body } of link.received.slice(this.#links.get(link) ?? 0)) {
        if (id === ID.request) this.#requested.add(body.readUInt32BE(0));
        if (id === ID.have) this.#haves.add(body.readUInt32BE(0));
      }
      this.#links.set(link, link.received.length);
    }
  }
}

/** Writes the .torrent file of a metainfo, with one tracker. */
export function writeTorrent(path: string, { infoBytes }: Metainfo, trackerUrl: string): string {
  writeFileSync(path, buildMetainfo({ infoBytes, trackerTiers: [[trackerUrl]] }));
  return path;
}
