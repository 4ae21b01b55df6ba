/** Peers that find each other although no tracker answers. */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { freePort } from '../helpers/free-port.js';
import { storyBytes, writeStories } from '../helpers/story.js';
import { useSwarm } from '../helpers/swarm-fixture.js';

const NAME = 'short_story.txt';
/** Nobody listens there: whoever finds a peer found it in another way. */
const DEAD_TRACKER = 'http://127.0.0.1:1/announce';

describe('Without a tracker', function () {
  this.timeout(60_000);
  const swarm = useSwarm();

  async function makeTorrent(
    flags: readonly string[] = [],
  ): Promise<{ readonly story: string; readonly torrent: string; readonly link: string }> {
    const [story = ''] = writeStories(swarm.folder('input'), [NAME]);
    const torrent = `${swarm.folder('torrent')}/${NAME}.torrent`;
    const made = swarm.start(['create', story, '-o', torrent, '--tracker', DEAD_TRACKER, ...flags]);
    const { infoHash } = await made.result();
    return { story, torrent, link: `magnet:?xt=urn:btih:${String(infoHash)}` };
  }

  it('two peers meet by a DHT node that both know', async () => {
    const { story, torrent, link } = await makeTorrent();
    const entry = swarm.start(['dht', 'start', '--host', '127.0.0.1', '--port', '0']);
    const { port } = await entry.next('listening');
    const dht = ['--dht-bootstrap', `127.0.0.1:${port}`];
    const seeder = swarm.start(['peer', 'seed', story, '--torrent', torrent, '-p', '0', ...dht]);
    await seeder.next('seeding');

    const download = swarm.download(torrent, [...dht, '--timeout', '30s'], { trackers: [] });
    await download.completed();

    expect(readFileSync(download.path(NAME)).equals(storyBytes(NAME))).to.equal(true);

    const byLink = swarm.download(link, [...dht, '--timeout', '30s'], { trackers: [] });
    await byLink.completed();

    expect(readFileSync(byLink.path(NAME)).equals(storyBytes(NAME)), 'by a link that names nobody').to.equal(true);
    await entry.stop();
    expect((await entry.result())['nodes']).to.equal(3);
  });

  it('a link that names nobody gets metadata from the peer on the command line', async () => {
    const { story, torrent, link } = await makeTorrent();
    const port = await freePort();
    const seeder = swarm.start(['peer', 'seed', story, '--torrent', torrent, '-p', String(port)]);
    await seeder.next('seeding');

    const download = swarm.download(link, ['--peer', `127.0.0.1:${port}`, '--timeout', '30s'], { trackers: [] });
    await download.completed();

    expect(readFileSync(download.path(NAME)).equals(storyBytes(NAME))).to.equal(true);
  });

  it('a peer that is named on the command line is dialled, also for a private torrent', async () => {
    const { story, torrent } = await makeTorrent(['--private']);
    const port = await freePort();
    const seeder = swarm.start(['peer', 'seed', story, '--torrent', torrent, '-p', String(port)]);
    await seeder.next('seeding');

    const flags = ['--peer', `localhost:${port}`, '--peer', '127.0.0.1:1', '--timeout', '30s'];
    const download = swarm.download(torrent, flags, { trackers: [] });
    await download.completed();

    expect(readFileSync(download.path(NAME)).equals(storyBytes(NAME))).to.equal(true);
  });
});
