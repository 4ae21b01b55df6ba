/** Ours, as it is shipped. */
import path from 'node:path';
import { ourVersion } from '../shared/installed-programs.js';
import { P2P } from '../shared/p2p-bench.js';
import type { BenchClient, PeerPlace, SeederPlace } from './bench-client.js';

export function p2pClient(): BenchClient {
  return {
    name: 'p2p',
    version: ourVersion(),
    missingNote: '',
    needsWholeForPart: true,
    seed: (place) => peer(place, 'seed', path.join(place.folder, place.dataName), ...seedFlags(place)),
    download: (place) => peer(place, 'download', place.torrent, '-o', place.folder),
  };
}

function peer({ folder, port }: PeerPlace, ...args: readonly string[]): ReturnType<BenchClient['seed']> {
  const own = ['--port', String(port), '--state', path.join(folder, '.state')];
  return { command: [process.execPath, P2P, 'peer', ...args, ...own] };
}

function seedFlags({ torrent, onlyFile }: SeederPlace): string[] {
  const flags = ['--torrent', torrent, '--trust'];
  if (!onlyFile) return flags;
  const { index, count } = onlyFile;
  return [...flags, '--from', String(index / count), '--to', String((index + 1) / count)];
}
