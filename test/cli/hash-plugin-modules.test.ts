import { expect } from 'chai';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installedHashModules } from '../../src/cli/hash-plugin-modules.js';
import { pluginInstallArgv } from '../../src/cli/plugin-argv.js';

describe('Hash plugin modules', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'p2p-plugins-'));
  after(() => rmSync(dataDir, { recursive: true }));

  function writePackage(folder: string, fields: object): void {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), JSON.stringify(fields));
  }

  it('are found among installed and linked plugins, others are passed over', async () => {
    const linked = join(dataDir, 'linked');
    const plugins = [
      { name: '@me/sum', type: 'user' },
      { name: 'linked', type: 'link', root: linked },
      { name: 'no-hashes', type: 'user' },
      { name: 'gone', type: 'user' },
    ];
    writePackage(dataDir, { oclif: { plugins } });
    writePackage(join(dataDir, 'node_modules/@me/sum'), { p2p: { hashAlgorithms: './dist/index.js' } });
    writePackage(join(dataDir, 'node_modules/no-hashes'), { oclif: {} });
    writePackage(linked, { p2p: { hashAlgorithms: './index.js' } });
    writeFileSync(join(linked, 'index.js'), '');
    mkdirSync(join(dataDir, 'node_modules/@me/sum/dist'));
    writeFileSync(join(dataDir, 'node_modules/@me/sum/dist/index.js'), '');

    expect(await installedHashModules(dataDir)).to.deep.equal([
      pathToFileURL(join(dataDir, 'node_modules/@me/sum/dist/index.js')).href,
      pathToFileURL(join(linked, 'index.js')).href,
    ]);
    expect(await installedHashModules(join(dataDir, 'none'))).to.deep.equal([]);
  });

  it('says what is wrong with a data folder that cannot be read', async () => {
    const unreadable = join(dataDir, 'unreadable');
    mkdirSync(join(unreadable, 'package.json'), { recursive: true });

    const error = await installedHashModules(unreadable).catch((thrown: unknown) => thrown);

    expect(error).to.include({ code: 'P2P_STATE_UNUSABLE', exitCode: 7 });
  });
});

describe('pluginInstallArgv', () => {
  const exists = (path: string): boolean =>
    ['./mine', 'mine', 'mine/package.json', 'empty', 'packed.tgz'].includes(path);

  it('turns existing paths into file URLs and leaves names, flags and URLs alone', () => {
    const url = pathToFileURL('mine').href;

    expect(pluginInstallArgv(['./mine', 'mine', 'p2p-sha3', '--force', 'https://x/y'], exists)).to.deep.equal([
      ...[url, url],
      ...['p2p-sha3', '--force', 'https://x/y'],
    ]);
  });

  it('takes what npm pack makes, and refuses a folder that is no package', () => {
    expect(pluginInstallArgv(['packed.tgz'], exists)).to.deep.equal([pathToFileURL('packed.tgz').href]);
    expect(() => pluginInstallArgv(['empty'], exists)).to.throw(/empty.*package\.json/);
  });

  it('refuses a path that leads nowhere', () => {
    expect(() => pluginInstallArgv(['./none'], exists))
      .to.throw(/none/)
      .with.property('code', 'P2P_PATH_NOT_FOUND');
  });
});
