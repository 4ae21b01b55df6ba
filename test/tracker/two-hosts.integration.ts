import { expect } from 'chai';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { formatAddress } from '../../src/protocol/peer-address.js';
import type { AnnounceReply } from '../../src/tracker/announce-client.js';
import { requireOrSkip } from '../helpers/external-tool.js';
import {
  HOST_ADDRESSES,
  makeHosts,
  namespaceObstacle,
  onHost,
  removeHosts,
  type HostName,
} from './network-namespaces.js';

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL('tracker-on-host.js', import.meta.url));
const { near, far } = HOST_ADDRESSES;

describe('tracker seen from two hosts', () => {
  let stateDir: string | undefined;
  let tracker: ChildProcess | undefined;
  let port: number;
  let swarm = 0;

  before(async function () {
    const obstacle = namespaceObstacle();
    requireOrSkip(this, obstacle === undefined, obstacle ?? '');
    process.once('exit', removeHosts);
    await makeHosts();
    stateDir = await mkdtemp(join(tmpdir(), 'p2p-hosts-'));
    const [program, args] = onHost('near', process.execPath, [PROGRAM, 'tracker', stateDir]);
    tracker = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    if (!tracker.stdout) throw new Error('no stdout');
    const [line] = (await once(tracker.stdout, 'data')) as [Buffer];
    port = Number(line.toString());
  });

  after(async () => {
    if (tracker) {
      const ended = once(tracker, 'close');
      tracker.stdin?.end();
      await ended;
    }
    if (stateDir !== undefined) await rm(stateDir, { recursive: true });
    removeHosts();
    process.off('exit', removeHosts);
  });

  beforeEach(() => {
    swarm += 1;
  });

  /** Announces from a host to the tracker at an address of the near host; gives the peers that are named. */
  async function announceFrom(host: HostName, trackerHost: string, peerPort: number): Promise<string[]> {
    const request = {
      url: `http://${trackerHost.includes(':') ? `[${trackerHost}]` : trackerHost}:${port}/announce`,
      infoHash: swarm.toString(16).padStart(40, '0'),
      peerId: peerPort.toString(16).padStart(40, '0'),
      port: peerPort,
      uploadedBytes: 0,
      downloadedBytes: 0,
      leftBytes: 1,
      event: 'started',
    };
    const [program, args] = onHost(host, process.execPath, [PROGRAM, 'announce', JSON.stringify(request)]);
    const { stdout } = await run(program, args);
    return (JSON.parse(stdout) as AnnounceReply).peers.map(formatAddress);
  }

  it('names a seeder that announced from loopback by the address where the other host reached the tracker', async () => {
    await announceFrom('near', '127.0.0.1', 7001);

    expect(await announceFrom('far', near.ipv4, 7002)).to.deep.equal([`${near.ipv4}:7001`]);
    expect(await announceFrom('far', near.ipv6, 7003)).to.have.members([`[${near.ipv6}]:7001`, `${far.ipv4}:7002`]);
  });

  it('names it so too when it announced from ::1', async () => {
    await announceFrom('near', '::1', 7001);

    expect(await announceFrom('far', near.ipv4, 7002)).to.deep.equal([`${near.ipv4}:7001`]);
  });

  it('names it by loopback to a peer on its own host', async () => {
    await announceFrom('near', '127.0.0.1', 7001);

    expect(await announceFrom('near', 'localhost', 7002)).to.deep.equal(['127.0.0.1:7001']);
  });

  it('names a seeder on its own host that announced from the LAN by that address', async () => {
    await announceFrom('near', near.ipv4, 7001);

    expect(await announceFrom('far', near.ipv4, 7002)).to.deep.equal([`${near.ipv4}:7001`]);
    expect(await announceFrom('near', '127.0.0.1', 7003)).to.have.members([`${near.ipv4}:7001`, `${far.ipv4}:7002`]);
  });

  it('names the downloader on the other host to the seeder on its own', async () => {
    await announceFrom('far', near.ipv4, 7002);

    expect(await announceFrom('near', '127.0.0.1', 7001)).to.deep.equal([`${far.ipv4}:7002`]);
  });

  it('does not name the host to itself when it asks from the LAN after loopback', async () => {
    await announceFrom('near', '127.0.0.1', 7001);

    expect(await announceFrom('near', near.ipv4, 7001)).to.deep.equal([]);
  });
});
