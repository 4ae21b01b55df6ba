import { expect } from 'chai';
import { checkBindAddress, sourceAddress } from '../../src/engine/bind-address.js';
import { expectError } from '../helpers/expect-error.js';
import { testBytes } from '../helpers/test-bytes.js';
import { rejection, useEngines } from './engine-fixture.js';

const content = testBytes(100_000, 41);

describe('engine: manners of seeding', () => {
  const engines = useEngines();

  it('stops seeding when as much was sent as the ratio says, and by the clock', async () => {
    await engines.tracker();
    const seeder = await engines.engine();
    const { transfer } = await seeder.seed(await engines.file('story.bin', content), { seedRatio: 1 });
    const leecher = await engines.engine();

    const download = await leecher.download('story.bin', await engines.folder('output'), {
      seedAfter: true,
      seedTimeMs: 0,
    });
    await Promise.all([download.over, transfer.over]);

    expect((await transfer.finished).state).to.equal('stopped');
    expect(download.snapshot().state).to.equal('complete');
    expect(seeder.notes.join()).to.include('story.bin is not seeded any more: sent 1 times its size');
    expect(leecher.notes.join()).to.include('story.bin is not seeded any more: seeded for');
  });

  it('serves several torrents on one port', async () => {
    await engines.tracker();
    const seeder = await engines.engine();
    const names = ['one.bin', 'two.bin', 'three.bin'];
    for (const [at, name] of names.entries()) await seeder.seed(await engines.file(name, testBytes(50_000, at)));
    const leecher = await engines.engine();
    const outputDir = await engines.folder('output');

    const outcomes = await Promise.all(
      names.map(async (name) => (await leecher.download(name, outputDir, { seedAfter: true })).finished),
    );

    expect(seeder.all('listening')).to.have.length(1);
    const { port } = seeder;
    for (const { snapshot } of outcomes) {
      expect(snapshot.state).to.equal('complete');
      expect(snapshot.swarm.verifiedBytes).to.equal(50_000);
      // Whoever dialled: the seeder's one port is what leechers know it by.
      expect(snapshot.swarm.links.every(({ address, incoming }) => incoming || address.port === port)).to.equal(true);
    }
  });

  it('listens on, dials from and announces from the address that it is bound to', async function () {
    // Only Linux gives all of 127.0.0.0/8 to its loopback.
    if (process.platform !== 'linux') this.skip();
    await engines.tracker();
    const seeder = await engines.engine({ bindHost: '127.0.0.2' });
    const { transfer } = await seeder.seed(await engines.file('story.bin', content));
    const leecher = await engines.engine({ bindHost: '127.0.0.3' });

    const download = await leecher.download('story.bin', await engines.folder('output'), { seedAfter: true });
    await download.finished;

    const [toSeeder] = download.snapshot().swarm.links;
    const [toLeecher] = transfer.snapshot().swarm.links;
    const hosts = [toSeeder, toLeecher].flatMap((link) => (link ? [link.address.host] : []));
    expect(hosts).to.not.deep.equal([]);
    expect(
      hosts.every((host) => host === '127.0.0.2' || host === '127.0.0.3'),
      hosts.join(),
    ).to.equal(true);
  });

  it('says what is wrong with an address to bind to', async () => {
    for (const address of ['somehost', '', '1.2.3', '192.168.1.5:9000']) {
      expectError('P2P_OPTION_INVALID', () => checkBindAddress(address));
    }
    for (const address of ['::1', '192.168.1.5', 'fe80::1%lo']) checkBindAddress(address);
    expect(['0.0.0.0', '::', '::1', undefined].map(sourceAddress)).to.deep.equal([
      undefined,
      undefined,
      '::1',
      undefined,
    ]);
    const engine = await engines.engine({ bindHost: '192.0.2.77' });
    const error = await rejection('P2P_OPTION_INVALID', engine.seed(await engines.file('story.bin', content)));
    expect(error.message).to.equal('cannot listen on 192.0.2.77: this machine has no such address');
  });
});
