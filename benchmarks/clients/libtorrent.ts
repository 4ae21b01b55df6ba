/** libtorrent through its Python binding, set up for speed; it has no program of its own. */
import { fileURLToPath } from 'node:url';
import { SYSTEM_PYTHON, findProgram } from '../shared/installed-programs.js';
import type { BenchClient, PeerPlace } from './bench-client.js';

/** Not compiled, so it lies in the source tree, seen from `build/benchmarks/clients`. */
const SCRIPT = fileURLToPath(new URL('../../../benchmarks/clients/libtorrent-peer.py', import.meta.url));

export function libtorrentClient(): BenchClient {
  const { version, missingNote } = findProgram('libtorrent');
  return {
    name: 'libtorrent',
    version,
    missingNote,
    seed: (place) => peer(place, place.onlyFile ? ['part', String(place.onlyFile.index)] : ['seed']),
    download: (place) => peer(place, ['download']),
  };
}

function peer({ torrent, folder, address, port }: PeerPlace, role: readonly string[]): ReturnType<BenchClient['seed']> {
  return { command: [SYSTEM_PYTHON, SCRIPT, torrent, folder, `${address}:${port}`, ...role] };
}
