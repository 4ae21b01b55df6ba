/** libtorrent 2, as `libtorrent-client.py` drives it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from '../helpers/eventually.js';
import { printedBy } from '../helpers/external-tool.js';
import { freePort } from '../helpers/free-port.js';
import { projectRoot } from '../helpers/project-root.js';
import type { Client, ClientRun, Job } from './client.js';
import { at } from './network.js';

/** The package of Debian is for Debian's Python alone, whatever else stands in the path. */
const PYTHON = '/usr/bin/python3';
const DRIVER = join(projectRoot, 'test/interoperability/libtorrent-client.py');

/** What libtorrent can do besides. */
export interface LibtorrentJob extends Job {
  /** Takes the data as whole, without reading it. */
  readonly trust?: boolean;
  /** BEP 16. */
  readonly superSeeding?: boolean;
  readonly sequential?: boolean;
  /** Tries uTP before TCP, as it does by default. */
  readonly utp?: boolean;
  /** Peers to dial at once, `ADDRESS:PORT`. */
  readonly connect?: readonly string[];
  /** Further settings of the session, by libtorrent's names. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
}

/** A line of the driver. */
export interface LibtorrentEvent {
  readonly event: 'listening' | 'announced' | 'metadata' | 'peer' | 'state' | 'error' | 'alert';
  readonly [field: string]: unknown;
}

/** A peer as libtorrent lists it. */
export interface LibtorrentPeer {
  /** `ADDRESS:PORT` */
  readonly address: string;
  /** Name and version as the peer tells them. */
  readonly client: string;
  /** How it was found: `tracker`, `dht`, `pex`, `lsd`, `incoming`. */
  readonly sources: readonly string[];
  /** How many it says that it has. */
  readonly pieces: number;
  /** Whether it is a web seed. */
  readonly web: boolean;
}

/** libtorrent at work, with all that it tells. */
export class LibtorrentRun implements ClientRun {
  readonly port: number;
  readonly events: LibtorrentEvent[] = [];
  output = '';
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #hasEnded = false;

  constructor(job: LibtorrentJob, scratch: string, port: number) {
    this.port = port;
    const { host } = job;
    const words = {
      torrent: job.torrent,
      folder: job.folder,
      listen: [`${host.ipv4}:${port}`, `[${host.ipv6}]:${port}`],
      pex: job.pex ?? false,
      lsd: job.lsd ?? false,
      dht: job.dhtNodes !== undefined,
      dhtNodes: job.dhtNodes ?? [],
      trust: job.trust ?? false,
      superSeeding: job.superSeeding ?? false,
      sequential: job.sequential ?? false,
      utp: job.utp ?? false,
      connect: job.connect ?? [],
      settings: job.settings ?? {},
    };
    const [program, args] = at(host, PYTHON, [DRIVER, JSON.stringify(words)]);
    this.#child = spawn(program, args, { cwd: scratch, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stderr?.on('data', (text: Buffer) => (this.output += text.toString()));
    if (this.#child.stdout) createInterface(this.#child.stdout).on('line', (line) => this.#handleLine(line));
    this.#exited = new Promise((resolve) => {
      this.#child.once('close', () => {
        this.#hasEnded = true;
        resolve();
      });
    });
  }

  /** All peers so far; one that changed is there again. */
  get peers(): LibtorrentPeer[] {
    return this.events.filter(({ event }) => event === 'peer') as unknown as LibtorrentPeer[];
  }

  /** The first event that `accept` takes. */
  async until(what: string, accept: (event: LibtorrentEvent) => boolean): Promise<LibtorrentEvent> {
    let found: LibtorrentEvent | undefined;
    await eventually(what, () => {
      found = this.events.find(accept);
      if (!found && this.#hasEnded) throw new Error(`libtorrent ended before ${what}\n${this.output}`);
      return Promise.resolve(found !== undefined);
    });
    return found as LibtorrentEvent;
  }

  async complete(): Promise<void> {
    await this.until('libtorrent to be complete', ({ event, isSeeding }) => event === 'state' && isSeeding === true);
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  #handleLine(line: string): void {
    this.output += `${line}\n`;
    this.events.push(JSON.parse(line) as LibtorrentEvent);
  }
}

export const libtorrent: Client<LibtorrentJob, LibtorrentRun> = {
  name: 'libtorrent',
  install: 'libtorrent 2 for Python (Debian package python3-libtorrent)',
  worksOnLoopback: true,
  makesEmptyFiles: true,

  version() {
    return /^2\.\d+\.\d+/.exec(printedBy(PYTHON, ['-c', 'import libtorrent; print(libtorrent.version)']))?.[0];
  },

  async start(job, scratch) {
    const run = new LibtorrentRun(job, scratch, await freePort());
    try {
      await run.until('libtorrent to listen', isListening);
    } catch (error) {
      await run.kill();
      throw error;
    }
    return run;
  },
};

/** For peers. */
function isListening({ event, socket }: LibtorrentEvent): boolean {
  return event === 'listening' && socket === 'tcp';
}
