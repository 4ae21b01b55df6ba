/** Scenario 32, several trackers: over UDP and HTTP, in tiers, some of them dead; and what they say of a swarm. */
import { expect } from 'chai';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BencodeDictionary } from '../../src/metainfo/bencode-dictionary.js';
import { decodeBencode, encodeBencode } from '../../src/metainfo/bencode.js';
import { useSwarm } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';

const DATA = testBytes(100_000, 32);

describe('Scenario 32: trackers over UDP, in tiers', function () {
  this.timeout(30_000);
  const swarm = useSwarm();
  let silent: Socket;
  let silentUrl: string;
  let deadUrl: string;
  let udpUrl: string;
  let plain: string;
  let infoHash: string;

  before(async () => {
    silent = createSocket('udp4').bind(0, '127.0.0.1');
    await once(silent, 'listening');
    silentUrl = `udp://127.0.0.1:${silent.address().port}/announce`;
    swarm.onClose(() => void silent.close());
    const gone = createSocket('udp4').bind(0, '127.0.0.1');
    await once(gone, 'listening');
    deadUrl = `udp://127.0.0.1:${gone.address().port}/announce`;
    gone.close();
    const tracker = await swarm.startTracker();
    udpUrl = `udp://127.0.0.1:${tracker.port}/announce`;

    const file = swarm.file('tiers.bin', DATA);
    plain = join(swarm.folder('torrent'), 'tiers.torrent');
    infoHash = String((await swarm.start(['create', file, '-o', plain, '--tracker', udpUrl]).result()).infoHash);
    await swarm.seed(file, ['--torrent', plain], { trackers: [] });
  });

  for (const { title, tiers } of [
    { title: 'in tiers of their own', tiers: () => [[silentUrl], [deadUrl], [udpUrl]] },
    { title: 'in one tier with a dead one', tiers: () => [[deadUrl, udpUrl]] },
    { title: 'in a tier behind a dead one over HTTP', tiers: () => [[httpOf(deadUrl)], [udpUrl]] },
  ]) {
    it(`downloads through a tracker over UDP: ${title}`, async () => {
      const download = swarm.download(withTiers(tiers()), [], { trackers: [] });

      await download.completed();

      expect(readFileSync(download.path('tiers.bin')).equals(DATA)).to.equal(true);
      const announced = download.process.all('announced').map(({ url }) => url);
      expect(new Set(announced)).to.deep.equal(new Set([udpUrl]));
    });
  }

  it('shows what each tracker says of the swarm', async () => {
    const trackers = [swarm.tracker.url, deadUrl, udpUrl];
    const path = withTiers(trackers.map((url) => [url]));

    const result = await swarm.start(['show', '--scrape', path]).result();

    const [http, dead, udp] = result['scrape'] as Record<string, unknown>[];
    expect(http).to.include({ url: swarm.tracker.url, seeders: 1, error: null });
    expect(udp).to.include({ url: udpUrl, seeders: 1, leechers: 0, error: null });
    expect(dead).to.include({ url: deadUrl, seeders: null, leechers: null, completed: null });
    expect(dead?.['error']).to.include({ code: 'P2P_TRACKER_UNREACHABLE' });
    expect(result).to.include({ infoHash, name: 'tiers.bin' });
  });

  it('scrapes for a magnet link without its metainfo', async () => {
    const magnet = `magnet:?xt=urn:btih:${infoHash}&dn=tiers&tr=${encodeURIComponent(udpUrl)}`;

    const result = await swarm.start(['show', '--scrape', magnet]).result();

    expect(result).to.deep.include({ infoHash, name: 'tiers', trackers: [udpUrl] });
    expect(result['scrape']).to.have.lengthOf(1);
    expect((result['scrape'] as object[])[0]).to.include({ url: udpUrl, seeders: 1, leechers: 0 });
  });

  it('says what is wrong with each tracker when none answers', async () => {
    const http = httpOf(deadUrl);
    const magnet = `magnet:?xt=urn:btih:${infoHash}&tr=${encodeURIComponent(deadUrl)}&tr=${encodeURIComponent(http)}`;

    const failure = await swarm.start(['show', '--scrape', magnet]).failure();

    expect(failure).to.include({ code: 'P2P_NOBODY_ANSWERED', exitCode: 6 });
    expect(failure.message).to.include(deadUrl.replace('/announce', '')).and.include(http.replace('/announce', ''));
  });

  /** The torrent with other trackers. */
  function withTiers(tiers: readonly (readonly string[])[]): string {
    const metainfo = decodeBencode(readFileSync(plain));
    if (!(metainfo instanceof BencodeDictionary)) throw new Error('no torrent');
    const path = join(swarm.folder('torrent'), 'tiers.torrent');
    writeFileSync(path, encodeBencode({ info: metainfo.dictionary('info'), 'announce-list': tiers }));
    return path;
  }

  function httpOf(url: string): string {
    return url.replace('udp:', 'http:');
  }
});
