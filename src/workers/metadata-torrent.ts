/** A torrent of which a worker knows no more than its info hash: links that metadata may come from (BEP 9). */
import type { MetadataTorrentSetup } from './worker-messages.js';
import type { TorrentLink } from './worker-torrent.js';

export class MetadataTorrent {
  readonly setup: MetadataTorrentSetup;
  readonly links = new Set<TorrentLink>();

  constructor(setup: MetadataTorrentSetup) {
    this.setup = setup;
  }

  handleClosed(link: TorrentLink): void {
    this.links.delete(link);
  }
}
