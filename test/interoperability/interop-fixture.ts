/** Our tracker, our peers and clients of others for one `describe`, on loopback or on hosts of their own. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { requireOrSkip } from '../helpers/external-tool.js';
import type { DownloadRun, RunningSeed, SwarmFixture } from '../helpers/swarm-fixture.js';
import { useSwarm } from '../helpers/swarm-fixture.js';
import type { Client, ClientRun, Job } from './client.js';
import { plainTorrent, writeContent, type Content } from './content.js';
import { at, Lan, Loopback, type Host, type Network } from './network.js';

const AWAIT_PEERS = fileURLToPath(new URL('await-peers.js', import.meta.url));

const LOG_LENGTH = 4_000;

type AnyClient = Pick<Client, 'install' | 'version'>;

export interface MadeTorrent {
  /** Path of the .torrent file. */
  readonly path: string;
  /** 40 hex digits. */
  readonly infoHash: string;
}

export interface TorrentSettings {
  /** With BLAKE3 beside SHA-1, as `p2p create` makes it, or SHA-1 alone, as others do. */
  readonly kind: 'dual-hash' | 'plain v1';
  readonly pieceLength: number;
  /** Instead of our tracker's, by IPv4. */
  readonly announce?: string;
  /** Of a dual-hash torrent. */
  readonly webSeeds?: readonly string[];
}

export class InteropFixture {
  readonly swarm: SwarmFixture;
  readonly network: Network;
  readonly #runs: { readonly name: string; readonly run: ClientRun }[] = [];
  readonly #hosts = new Map<string, Promise<Host>>();

  constructor(swarm: SwarmFixture, network: Network) {
    this.swarm = swarm;
    this.network = network;
  }

  /** The host of this name, made at the first use; on loopback all are one. */
  host(name: string): Promise<Host> {
    const known = this.#hosts.get(name) ?? this.network.addHost();
    this.#hosts.set(name, known);
    return known;
  }

  /** Our tracker, on the host `tracker`. */
  async startTracker(flags: readonly string[] = []): Promise<void> {
    await this.swarm.startTracker(flags, { wrapper: (await this.host('tracker')).wrapper });
  }

  /** Announce URL of our tracker, by IP version. */
  async announceUrl(version: 4 | 6 = 4): Promise<string> {
    const { ipv4, ipv6 } = await this.host('tracker');
    return `http://${version === 4 ? ipv4 : `[${ipv6}]`}:${this.swarm.tracker.port}/announce`;
  }

  async makeTorrent(content: Content, settings: TorrentSettings): Promise<MadeTorrent> {
    const path = join(this.swarm.folder('torrent'), `${content.name}.torrent`);
    const announce = settings.announce ?? (await this.announceUrl());
    if (settings.kind === 'plain v1') {
      const made = plainTorrent(content, settings.pieceLength, announce);
      writeFileSync(path, made.bytes);
      return { path, infoHash: made.infoHash };
    }
    const source = writeContent(content, this.swarm.folder('source'));
    const flags = ['-o', path, '--tracker', announce, '--piece-length', String(settings.pieceLength)];
    for (const url of settings.webSeeds ?? []) flags.push('--web-seed', url);
    const { infoHash } = await this.swarm.start(['create', source, ...flags]).result();
    return { path, infoHash: String(infoHash) };
  }

  /** Starts a client of others, on the host of its name unless told otherwise; killed with the fixture. */
  async start<OwnJob extends Job, Run extends ClientRun>(
    client: Client<OwnJob, Run>,
    job: Omit<OwnJob, 'host'>,
    hostName: string = client.name,
  ): Promise<Run> {
    const whole = { ...job, host: await this.host(hostName) } as OwnJob;
    const run = await client.start(whole, this.swarm.folder(client.name));
    this.#runs.push({ name: client.name, run });
    this.swarm.onClose(() => run.kill());
    return run;
  }

  /** Seeds with p2p, on the host `p2p` unless told otherwise, and waits until the tracker knows. */
  async seedOurs(
    content: Content,
    torrent: string,
    flags: readonly string[] = [],
    hostName = 'p2p',
  ): Promise<RunningSeed> {
    const path = writeContent(content, this.swarm.folder('seed'));
    const { wrapper } = await this.host(hostName);
    return this.swarm.seed(path, ['--torrent', torrent, ...flags], { wrapper, trackers: [] });
  }

  /** Loads with p2p, on the host `p2p` unless told otherwise. */
  async loadOurs(target: string, flags: readonly string[] = [], hostName = 'p2p'): Promise<DownloadRun> {
    const { wrapper } = await this.host(hostName);
    return this.swarm.download(target, flags, { wrapper, trackers: [] });
  }

  /** Resolves when our tracker knows so many of a swarm. */
  async untilKnown(infoHash: string, { seeders = 0, leechers = 0 }): Promise<void> {
    const words = [AWAIT_PEERS, await this.announceUrl(), infoHash, String(seeders), String(leechers)];
    await promisify(execFile)(...at(await this.host('tracker'), process.execPath, words));
  }

  /** The end of what each client of others printed. */
  log(): string {
    return this.#runs
      .map(({ name, run }) => `--- ${name}\n${run.output.replaceAll('\r', '\n').slice(-LOG_LENGTH)}`)
      .join('\n');
  }
}

/**
 * A fixture for the `describe` that calls this; its tests are skipped, or fail where all has to be installed, without the
 * clients or without the right to make hosts.
 * @param kind `lan` wherever Transmission takes part
 */
export function useInterop(kind: 'loopback' | 'lan', clients: readonly AnyClient[]): InteropFixture {
  const fixture = new InteropFixture(useSwarm(), kind === 'lan' ? new Lan() : new Loopback());
  before(async function () {
    const obstacle = kind === 'lan' ? Lan.obstacle() : undefined;
    requireOrSkip(this, obstacle === undefined, obstacle ?? '');
    for (const client of clients) requireOrSkip(this, client.version() !== undefined, client.install);
    fixture.swarm.onClose(() => fixture.network.close());
    await fixture.startTracker();
  });
  afterEach(function () {
    if (this.currentTest?.state === 'failed') console.error(fixture.log());
  });
  return fixture;
}
