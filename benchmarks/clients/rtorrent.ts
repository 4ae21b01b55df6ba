/** rtorrent without its terminal. A seeder hashes its data at its start. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { findProgram } from '../shared/installed-programs.js';
import type { BenchClient, PeerPlace } from './bench-client.js';

export function rtorrentClient(): BenchClient {
  const { version, missingNote } = findProgram('rtorrent');
  return {
    name: 'rtorrent',
    version,
    missingNote,
    noPartsNote: 'rtorrent is not asked to',
    seed: peer,
    download: peer,
  };
}

function peer({ folder, torrent, port }: PeerPlace): ReturnType<BenchClient['download']> {
  const [session, doneFile] = [path.join(folder, '.rtorrent'), path.join(folder, '.done')];
  mkdirSync(session, { recursive: true });
  const settings = [
    `session.path.set = ${session}`,
    `directory.default.set = ${folder}`,
    `network.port_range.set = ${port}-${port}`,
    ...['network.port_random.set = no', 'system.daemon.set = true', 'protocol.encryption.set = none'],
    ...['dht.mode.set = disable', 'protocol.pex.set = no', 'trackers.use_udp.set = no'],
    ...[
      'throttle.max_uploads.set = 100',
      'throttle.max_uploads.global.set = 100',
      'pieces.hash.on_completion.set = no',
    ],
    `method.set_key = event.download.finished, done, "execute.nothrow=touch,${doneFile}"`,
  ];
  const file = path.join(session, 'rtorrent.rc');
  writeFileSync(file, `${settings.join('\n')}\n`);
  return { command: ['rtorrent', '-n', '-o', `import=${file}`, torrent], doneFile };
}
