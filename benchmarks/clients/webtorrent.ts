/** npm's webtorrent, from a folder where somebody installed it: it is no dependency of ours. */
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { moduleVersion } from '../shared/installed-programs.js';
import type { BenchClient, PeerPlace } from './bench-client.js';

const SCRIPT = fileURLToPath(new URL('webtorrent-peer.js', import.meta.url));

/** @param modules the folder whose `node_modules` may hold it */
export function webtorrentClient(modules: string): BenchClient {
  const index = pathToFileURL(path.resolve(modules, 'node_modules/webtorrent/index.js')).href;
  const peer = ({ folder, torrent, port }: PeerPlace, role: string): ReturnType<BenchClient['seed']> => ({
    command: [process.execPath, SCRIPT, index, torrent, folder, String(port), role],
  });
  return {
    name: 'webtorrent',
    version: moduleVersion(modules, 'webtorrent'),
    missingNote: 'not installed: npm install --prefix FOLDER webtorrent, and then --modules FOLDER',
    isSlow: true,
    noPartsNote: 'webtorrent is not asked to',
    seed: (place) => peer(place, 'seed'),
    download: (place) => peer(place, 'download'),
  };
}
