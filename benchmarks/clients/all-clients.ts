/** Every client that a benchmark may let download. */
import { aria2Client } from './aria2.js';
import type { BenchClient } from './bench-client.js';
import { libtorrentClient } from './libtorrent.js';
import { nginxCurlClient } from './nginx-curl.js';
import { p2pClient } from './p2p.js';
import { rtorrentClient } from './rtorrent.js';
import { transmissionClient } from './transmission.js';
import { webtorrentClient } from './webtorrent.js';

/** @param modules a folder whose `node_modules` may hold npm's webtorrent */
export function allClients(modules: string): BenchClient[] {
  const swarming = [p2pClient(), libtorrentClient(), aria2Client(), rtorrentClient(), transmissionClient()];
  return [...swarming, webtorrentClient(modules), nginxCurlClient()];
}
