/**
 * Where the clients of a test run: side by side on loopback, or each on a host of its own, as Linux network namespaces
 * on one switch (needs root and iproute2). The switch has a namespace too, so that nothing of the real network changes
 * and any number of test runs may use the same addresses at once.
 */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** One place to run programs at. */
export interface Host {
  readonly ipv4: string;
  readonly ipv6: string;
  /** Goes before a command line, so that it runs there. */
  readonly wrapper: readonly string[];
}

/** Gives a host for each client; loopback gives the same one every time. */
export interface Network {
  addHost(): Promise<Host>;
  /** Processes on the hosts must have ended. */
  close(): void;
}

/** This machine, as it is. */
export class Loopback implements Network {
  addHost(): Promise<Host> {
    return Promise.resolve({ ipv4: '127.0.0.1', ipv6: '::1', wrapper: [] });
  }

  close(): void {
    // Nothing was made.
  }
}

let switches = 0;

/** A switch with a cable to every host; multicast reaches all of them. */
export class Lan implements Network {
  readonly #id = `p2p-lan-${process.pid}-${(switches += 1)}`;
  readonly #namespaces: string[] = [];
  readonly #closeAtExit = (): void => this.close();

  /** Why there can be no LAN here; undefined when there can. */
  static obstacle(): string | undefined {
    if (process.platform !== 'linux') return 'Linux (for network namespaces)';
    if (process.getuid?.() !== 0) return 'root (for network namespaces)';
    if (spawnSync('ip', ['-V'], { stdio: 'ignore' }).error) return 'ip (Debian package iproute2)';
    const probe = `p2p-lan-${process.pid}-probe`;
    const made = spawnSync('ip', ['netns', 'add', probe], { encoding: 'utf8' });
    if (made.status !== 0) return `the right to make network namespaces (${made.stderr.trim()})`;
    spawnSync('ip', ['netns', 'delete', probe]);
    return undefined;
  }

  async addHost(): Promise<Host> {
    if (this.#namespaces.length === 0) await this.#makeSwitch();
    const number = this.#namespaces.length;
    const host = { ipv4: `10.231.1.${number}`, ipv6: `fd00:231:1::${number.toString(16)}` };
    const namespace = await this.#addNamespace(`host${number}`);
    const [theSwitch = ''] = this.#namespaces;
    const cable = `cable${number}`;
    await ip(theSwitch, 'link', 'add', cable, 'type', 'veth', 'peer', 'name', 'lan', 'netns', namespace);
    await ip(theSwitch, 'link', 'set', cable, 'master', 'switch', 'up');
    await ip(namespace, 'addr', 'add', `${host.ipv4}/24`, 'dev', 'lan');
    await ip(namespace, 'addr', 'add', `${host.ipv6}/64`, 'dev', 'lan', 'nodad');
    await ip(namespace, 'link', 'set', 'lan', 'up');
    // Multicast goes where the default route leads.
    await ip(namespace, 'route', 'add', 'default', 'dev', 'lan');
    return { ...host, wrapper: ['ip', 'netns', 'exec', namespace] };
  }

  close(): void {
    process.off('exit', this.#closeAtExit);
    for (const namespace of this.#namespaces.splice(0)) {
      spawnSync('ip', ['netns', 'delete', namespace], { stdio: 'ignore' });
    }
  }

  async #makeSwitch(): Promise<void> {
    removeOrphans();
    process.once('exit', this.#closeAtExit);
    const namespace = await this.#addNamespace('switch');
    await ip(namespace, 'link', 'add', 'switch', 'type', 'bridge', 'mcast_snooping', '0');
    await ip(namespace, 'link', 'set', 'switch', 'up');
  }

  async #addNamespace(name: string): Promise<string> {
    const namespace = `${this.#id}-${name}`;
    this.#namespaces.push(namespace);
    await run('ip', ['netns', 'add', namespace]);
    await ip(namespace, 'link', 'set', 'lo', 'up');
    return namespace;
  }
}

/** The command line that runs `program` at a host. */
export function at(host: Host, program: string, args: readonly string[]): [string, string[]] {
  const [first = program, ...rest] = [...host.wrapper, program, ...args];
  return [first, rest];
}

/** What test runs left behind that were killed: the names tell their process. */
function removeOrphans(): void {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  for (const [name, pid] of stdout.matchAll(/^p2p-lan-(\d+)-\S+/gm)) {
    if (!existsSync(`/proc/${pid ?? ''}`)) spawnSync('ip', ['netns', 'delete', name], { stdio: 'ignore' });
  }
}

async function ip(namespace: string, ...args: readonly string[]): Promise<void> {
  await run('ip', ['-n', namespace, ...args]);
}
