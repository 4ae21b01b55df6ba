/** aria2, with everything off that looks for peers in other ways than the tracker. */
import { findProgram } from '../shared/installed-programs.js';
import type { BenchClient, PeerPlace, SeederPlace } from './bench-client.js';

const FLAGS = [
  ...['--no-conf=true', '--enable-dht=false', '--enable-dht6=false', '--bt-enable-lpd=false'],
  ...['--enable-peer-exchange=false', '--summary-interval=0', '--show-console-readout=false'],
  '--console-log-level=error',
  // As many peers as there are, and no slowing down for the sake of the disk.
  ...['--bt-max-peers=0', '--bt-request-peer-speed-limit=0', '--bt-tracker-interval=2'],
  ...['--disk-cache=64M', '--file-allocation=none'],
];

export function aria2Client(): BenchClient {
  const { version, missingNote } = findProgram('aria2');
  return {
    name: 'aria2',
    version,
    missingNote,
    seed: (place) => peer(place, ['--seed-ratio=0.0', ...seedFlags(place)]),
    download: (place) => peer(place, ['--seed-time=0']),
  };
}

/** A part is a file that is selected, and checked at the start. */
function seedFlags({ onlyFile }: SeederPlace): string[] {
  if (onlyFile) return ['--check-integrity=true', `--select-file=${onlyFile.index + 1}`];
  return ['--bt-seed-unverified=true', '--check-integrity=false'];
}

function peer({ folder, port, torrent }: PeerPlace, flags: readonly string[]): ReturnType<BenchClient['seed']> {
  return { command: ['aria2c', ...FLAGS, ...flags, `--dir=${folder}`, `--listen-port=${port}`, torrent] };
}
