/** Two network namespaces stand for two hosts; needs root and iproute2. */
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { requireOrSkip, skipUnless } from '../helpers/external-tool.js';
import { storyBytes, writeStories } from '../helpers/story.js';
import { useSwarm } from '../helpers/swarm-fixture.js';

const NAME = 'short_story.txt';
const SERVER_IP = '10.231.77.1';
const CLIENT_IP = '10.231.77.2';

describe('Two hosts', function () {
  this.timeout(60_000);
  const swarm = useSwarm();
  const id = `p2pt${process.pid}`;
  const server = `${id}-a`;
  const client = `${id}-b`;

  before(function () {
    const isRoot = process.getuid?.() === 0;
    skipUnless(this, process.platform === 'linux' && isRoot, 'root on Linux');
    requireOrSkip(this, spawnSync('ip', ['-V']).error === undefined, 'ip (Debian package iproute2)');
    swarm.onClose(removeHosts);
    const made = spawnSync('ip', ['netns', 'add', server]).status === 0;
    skipUnless(this, made, 'the right to make network namespaces');
    connectHosts();
  });

  it('a tracker and a seeder on one serve a downloader on the other, though the seeder announced from loopback', async () => {
    const [story = ''] = writeStories(swarm.folder('input'), [NAME]);
    const onServer = { wrapper: ['ip', 'netns', 'exec', server] };
    const onClient = { wrapper: ['ip', 'netns', 'exec', client] };
    const { port } = await swarm.startTracker([], onServer);
    const trackers = [`http://127.0.0.1:${port}/announce`];
    await swarm.seed(story, ['--piece-length', '128'], { ...onServer, trackers });

    const fromAfar = [`http://${SERVER_IP}:${port}/announce`];
    const download = swarm.download(NAME, ['--timeout', '20s'], { ...onClient, trackers: fromAfar });
    await download.completed();

    expect(readFileSync(download.path(NAME)).equals(storyBytes(NAME))).to.equal(true);
  });

  function connectHosts(): void {
    ip('netns', 'add', client);
    ip('link', 'add', `${id}a`, 'netns', server, 'type', 'veth', 'peer', 'name', `${id}b`, 'netns', client);
    for (const [space, link, address] of [
      [server, `${id}a`, SERVER_IP],
      [client, `${id}b`, CLIENT_IP],
    ] as const) {
      ip('-n', space, 'address', 'add', `${address}/24`, 'dev', link);
      ip('-n', space, 'link', 'set', link, 'up');
      ip('-n', space, 'link', 'set', 'lo', 'up');
    }
  }

  function removeHosts(): void {
    for (const space of [server, client]) spawnSync('ip', ['netns', 'delete', space]);
  }
});

function ip(...args: readonly string[]): void {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
}
