/** The programs of others that the matrix is tried with. */
import { spawnSync } from 'node:child_process';
import { printedBy } from '../helpers/external-tool.js';
import { aria2 } from './aria2.js';
import { libtorrent } from './libtorrent.js';
import { transmission } from './transmission.js';

/** Clients that any torrent can be moved to and from. */
export const CLIENTS = [aria2, transmission, libtorrent] as const;

/** Names and versions for the page; undefined for what is not installed. */
export function clientVersions(): readonly (readonly [string, string | undefined])[] {
  const clients = CLIENTS.map(({ name, version }) => [name, version()] as const);
  return [...clients, ['nginx', nginxVersion()], ['opentracker', debianVersion('opentracker')]];
}

function nginxVersion(): string | undefined {
  return /nginx\/(\S+)/.exec(printedBy('nginx', ['-v']))?.[1];
}

/** For programs that do not tell. */
function debianVersion(name: string): string | undefined {
  const { status, stdout } = spawnSync('dpkg-query', ['--show', '--showformat=${Version}', name], { encoding: 'utf8' });
  return status === 0 ? stdout : undefined;
}
