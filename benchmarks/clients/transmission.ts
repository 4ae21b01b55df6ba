/** Transmission's command line, with limits and other ways to find peers off. A seeder hashes its data at its start. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { findProgram } from '../shared/installed-programs.js';
import type { BenchClient, PeerPlace } from './bench-client.js';

const SETTINGS = {
  'dht-enabled': false,
  'lpd-enabled': false,
  'pex-enabled': false,
  'utp-enabled': false,
  // Plain connections are preferred.
  encryption: 0,
  'cache-size-mb': 64,
  preallocation: 0,
  'upload-slots-per-torrent': 50,
  'peer-limit-global': 500,
  'peer-limit-per-torrent': 200,
  'speed-limit-down-enabled': false,
  'speed-limit-up-enabled': false,
};

export function transmissionClient(): BenchClient {
  const { version, missingNote } = findProgram('transmission');
  return {
    name: 'transmission',
    version,
    missingNote,
    isSlow: true,
    noPartsNote: 'transmission-cli offers whole torrents only',
    noLoopbackNote: 'it refuses peers on 127.0.0.1',
    seed: peer,
    download: peer,
  };
}

function peer({ folder, torrent, port }: PeerPlace): ReturnType<BenchClient['download']> {
  const [home, doneFile] = [path.join(folder, '.transmission'), path.join(folder, '.done')];
  const script = path.join(home, 'done.sh');
  mkdirSync(home, { recursive: true });
  writeFileSync(path.join(home, 'settings.json'), JSON.stringify(SETTINGS));
  writeFileSync(script, `#!/bin/sh\ntouch '${doneFile}'\n`);
  chmodSync(script, 0o755);
  const own = ['--config-dir', home, '--download-dir', folder, '--port', String(port), '--finish', script];
  return { command: ['transmission-cli', ...own, '--no-downlimit', '--no-uplimit', torrent], doneFile };
}
