/** The trackers that are compared, each started as a process that answers on a port. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { P2P } from '../shared/p2p-bench.js';
import { infoHashHex } from './announce-load.js';

export type TrackerName = 'p2p' | 'bittorrent-tracker' | 'opentracker';

export interface MeasuredTracker {
  readonly name: TrackerName;
  /** Whether it leaves connections open after an answer. */
  readonly keepsConnections: boolean;
  /** Whether it can be told the address of a peer by a proxy. */
  readonly believesProxies: boolean;
  readonly version: string;
  /** Why a swarm of more than 60,000 peers cannot be measured. */
  readonly largeSwarms?: string;
  /**
   * Starts it with nothing in memory.
   * @param torrents that may be announced: numbers 1 to `torrents`
   */
  start(forWhat: 'speed' | 'memory', torrents: number): Promise<RunningProcess>;
}

const PROCESS = fileURLToPath(new URL('tracker-process.js', import.meta.url));
const START_LIMIT_MS = 20_000;

export class RunningProcess {
  readonly port: number;
  readonly #child: ChildProcess;
  #output = '';

  constructor(command: readonly [string, ...string[]], port: number) {
    const [program, ...args] = command;
    this.port = port;
    this.#child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (bytes: Buffer) => (this.#output = (this.#output + bytes.toString()).slice(-2_000)));
    this.#child.stderr?.on('data', (bytes: Buffer) => (this.#output = (this.#output + bytes.toString()).slice(-2_000)));
    this.#child.once('error', (error) => (this.#output += error.message));
  }

  /** Resolves when the port takes connections. */
  async listening(): Promise<this> {
    const endMs = performance.now() + START_LIMIT_MS;
    while (!(await canConnect(this.port))) {
      if (this.#child.exitCode !== null || performance.now() > endMs) {
        await this.stop();
        throw new Error(`it does not listen: ${this.#output.trim()}`);
      }
      await delay(20);
    }
    return this;
  }

  /** Resident memory; NaN where there is no /proc. */
  residentBytes(): number {
    const file = `/proc/${this.#child.pid ?? 0}/status`;
    const kibibytes = existsSync(file) ? /^VmRSS:\s+(\d+)/m.exec(readFileSync(file, 'utf8'))?.[1] : undefined;
    return Number(kibibytes ?? Number.NaN) * 1024;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }
}

/** @param folder for what a tracker writes */
export function ourTracker(folder: string): MeasuredTracker {
  return {
    name: 'p2p',
    keepsConnections: true,
    believesProxies: true,
    version: versionOf(fileURLToPath(new URL('../../../package.json', import.meta.url))),
    start: async (forWhat) => {
      const port = await freePort();
      const state = ['--state', path.join(folder, `state-${port}`)];
      const shipped = [process.execPath, P2P, 'tracker', 'start', '--port', String(port), ...state] as const;
      const memory = [process.execPath, PROCESS, 'p2p', String(port), path.join(folder, `state-${port}`)] as const;
      return await new RunningProcess(forWhat === 'speed' ? shipped : memory, port).listening();
    },
  };
}

/** @param folder whose `node_modules` holds it. @returns undefined when it is not there */
export function bittorrentTracker(folder: string): MeasuredTracker | undefined {
  const home = path.resolve(folder, 'node_modules/bittorrent-tracker');
  if (!existsSync(home)) return undefined;
  const module = pathToFileURL(path.join(home, 'server.js')).href;
  return {
    name: 'bittorrent-tracker',
    keepsConnections: true,
    believesProxies: true,
    version: versionOf(path.join(home, 'package.json')),
    largeSwarms: 'each announce goes through all peers of a swarm',
    start: async () => {
      const port = await freePort();
      return await new RunningProcess([process.execPath, PROCESS, module, String(port)], port).listening();
    },
  };
}

/** @param folder for its configuration. @returns undefined when it is not installed */
export function opentracker(folder: string): MeasuredTracker | undefined {
  if (spawnSync('opentracker', ['-h']).error) return undefined;
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', '${Version}', 'opentracker'], { encoding: 'utf8' });
  const home = path.join(folder, 'opentracker');
  mkdirSync(home);
  // It gives up root's rights before it reads them.
  chmodSync(folder, 0o755);
  return {
    name: 'opentracker',
    keepsConnections: false,
    believesProxies: false,
    version: stdout || 'unknown',
    largeSwarms: 'it knows peers of this machine by their ports alone',
    start: async (_forWhat, torrents) => {
      const port = await freePort();
      const hashes = Array.from({ length: torrents }, (_, index) => `${infoHashHex(index + 1)}\n`);
      writeFileSync(path.join(home, 'whitelist'), hashes.join(''));
      const listens = [`listen.tcp 127.0.0.1:${port}`, `listen.udp 127.0.0.1:${port}`];
      const settings = [...listens, 'access.whitelist whitelist', `tracker.rootdir ${home}`];
      writeFileSync(path.join(home, 'conf'), `${settings.join('\n')}\ntracker.user nobody\n`);
      return await new RunningProcess(['opentracker', '-f', path.join(home, 'conf')], port).listening();
    },
  };
}

function versionOf(packageFile: string): string {
  return (JSON.parse(readFileSync(packageFile, 'utf8')) as { readonly version: string }).version;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
