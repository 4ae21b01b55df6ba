import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../helpers/project-root.js';
import { useSwarm } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';

const PLUGIN = join(projectRoot, 'examples', 'p2p-hash-sha3');
const DATA = testBytes(70_000, 18);

describe('A hash plugin', function () {
  this.timeout(60_000);
  const swarm = useSwarm();

  before(() => swarm.startTracker());

  it('named for one run moves a file through the worker threads', async () => {
    const plugin = ['--hash-plugin', PLUGIN];
    const hashes = ['--hash', 'sha3-256', '--piece-length', '1K'];
    const seed = await swarm.seed(swarm.file('plugged.bin', DATA), [...plugin, ...hashes]);

    const download = swarm.download('plugged.bin', plugin);
    await download.completed();

    expect(readFileSync(download.path('plugged.bin')).equals(DATA)).to.equal(true);
    await seed.process.stop();
  });

  it('is missed by name when it is not there: exit code 5', async () => {
    const plugin = ['--hash-plugin', PLUGIN];
    const seed = await swarm.seed(swarm.file('needy.bin', DATA), [...plugin, '--hash', 'sha3-256']);

    const error = await swarm.download('needy.bin').process.failure();

    expect(error).to.include({ code: 'P2P_METAINFO_UNKNOWN_HASHES', exitCode: 5 });
    expect(error.message).to.include('sha3-256');
    await seed.process.stop();
  });

  it('that was installed from a folder is there in every run', async () => {
    const dataDir = swarm.folder('data');
    const env = { XDG_DATA_HOME: dataDir, XDG_CACHE_HOME: join(dataDir, 'cache'), XDG_CONFIG_HOME: dataDir };
    await swarm.start(['plugins', 'install', PLUGIN], { env, name: 'install' }).result();

    const { hashes } = await swarm.start(['hashes'], { env }).result();
    const names = (hashes as readonly { readonly name: string }[]).map((each) => each.name);
    expect(names).to.include('sha3-256').and.to.include('blake3');

    const seed = await swarm.seed(swarm.file('installed.bin', DATA), ['--hash', 'sha3-512,sha1'], { env });
    const download = swarm.download('installed.bin', ['--verify-with', 'sha3-512'], { env });
    await download.completed();

    expect(readFileSync(download.path('installed.bin')).equals(DATA)).to.equal(true);
    await seed.process.stop();
  });
});
