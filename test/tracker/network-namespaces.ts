/**
 * Two hosts on one cable, as Linux network namespaces: what peers on different machines see, without machines. Needs
 * root and iproute2.
 */
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The addresses of both hosts; they exist inside the namespaces only, so any number of tests may use them at once. */
export const HOST_ADDRESSES = {
  near: { ipv4: '10.231.0.1', ipv6: 'fd00:231::1' },
  far: { ipv4: '10.231.0.2', ipv6: 'fd00:231::2' },
} as const;

export type HostName = keyof typeof HOST_ADDRESSES;

/** Why namespaces cannot be made here; undefined when they can. */
export function namespaceObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'Linux (network namespaces)';
  if (process.getuid?.() !== 0) return 'root (for network namespaces)';
  if (spawnSync('ip', ['-V'], { stdio: 'ignore' }).error) return 'ip (of the package iproute2)';
  const probe = namespaceOf('probe');
  const made = spawnSync('ip', ['netns', 'add', probe], { encoding: 'utf8' });
  if (made.status !== 0) return `the right to make network namespaces (${made.stderr.trim()})`;
  spawnSync('ip', ['netns', 'del', probe]);
  return undefined;
}

/** Makes both hosts and the cable. */
export async function makeHosts(): Promise<void> {
  const [near, far] = [namespaceOf('near'), namespaceOf('far')];
  for (const namespace of [near, far]) await run('ip', ['netns', 'add', namespace]);
  await run('ip', ['-n', near, 'link', 'add', 'cable', 'type', 'veth', 'peer', 'name', 'cable', 'netns', far]);
  for (const [host, { ipv4, ipv6 }] of Object.entries(HOST_ADDRESSES)) {
    const namespace = namespaceOf(host);
    await run('ip', ['-n', namespace, 'addr', 'add', `${ipv4}/24`, 'dev', 'cable']);
    await run('ip', ['-n', namespace, 'addr', 'add', `${ipv6}/64`, 'dev', 'cable', 'nodad']);
    for (const link of ['lo', 'cable']) await run('ip', ['-n', namespace, 'link', 'set', link, 'up']);
  }
}

/** Removes both hosts, also half-made ones; processes in them must have ended. */
export function removeHosts(): void {
  for (const host of Object.keys(HOST_ADDRESSES)) {
    spawnSync('ip', ['netns', 'del', namespaceOf(host)], { stdio: 'ignore' });
  }
}

/** The command line that runs a program on a host. */
export function onHost(host: HostName, program: string, args: readonly string[]): [string, string[]] {
  return ['ip', ['netns', 'exec', namespaceOf(host), program, ...args]];
}

/** Unique to this process, so that test runs do not meet. */
function namespaceOf(host: string): string {
  return `p2p-test-${process.pid}-${host}`;
}
