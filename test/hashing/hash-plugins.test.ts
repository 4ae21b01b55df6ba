import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { expect } from 'chai';

import { OptionError } from '../../src/errors.js';
import type { HashAlgorithm } from '../../src/hashing/hash-algorithm.js';
import { findInstalledHashPlugins, loadHashPlugins, resolveHashPlugins } from '../../src/hashing/hash-plugins.js';
import { HashRegistry } from '../../src/hashing/hash-registry.js';
import { describeHashAlgorithm } from '../compliance/hash-algorithm.js';

const exampleDir = fileURLToPath(new URL('../../../examples/p2p-hash-sha3', import.meta.url));
const exampleUrl = pathToFileURL(join(exampleDir, 'index.js')).href;

async function loadExample(name: string): Promise<HashAlgorithm> {
  const registry = HashRegistry.builtIn();
  await loadHashPlugins(registry, resolveHashPlugins([exampleDir], '/'));
  return registry.require(name);
}

// The well-known SHA3-256 digests (FIPS 202) of the empty message and of 'abc'.
describeHashAlgorithm('sha3-256 of the example plugin', () => loadExample('sha3-256'), [
  {
    input: new Uint8Array(0),
    digest: 'a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a',
    label: 'nothing',
  },
  {
    input: new TextEncoder().encode('abc'),
    digest: '3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532',
    label: "'abc'",
  },
]);
describeHashAlgorithm('sha3-512 of the example plugin', () => loadExample('sha3-512'), []);

describe('hash plugins', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'p2p-plugins-'));
  });
  afterEach(() => {
    rmSync(dir, { recursive: true, force: true });
  });

  /** Writes a package into `folder` and gives the file URL of its module. */
  function aPackage(folder: string, packageJson: unknown, module = 'export default [];'): string {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), JSON.stringify(packageJson));
    writeFileSync(join(folder, 'hash.mjs'), module);
    return pathToFileURL(join(folder, 'hash.mjs')).href;
  }

  const pluginJson = { name: 'x', p2p: { hashAlgorithms: './hash.mjs' } };

  it('resolves a folder, a file and a file URL of one plugin to one module', () => {
    const specifiers = ['./p2p-hash-sha3', 'p2p-hash-sha3/index.js', exampleDir, exampleUrl];

    expect(resolveHashPlugins(specifiers, join(exampleDir, '..'))).to.deep.equal([exampleUrl]);
  });

  it('resolves packages in the node_modules above the folder, scoped ones too', () => {
    const plain = aPackage(join(dir, 'node_modules/x'), pluginJson);
    const scoped = aPackage(join(dir, 'node_modules/@me/x'), pluginJson);
    mkdirSync(join(dir, 'deep/er'), { recursive: true });

    expect(resolveHashPlugins(['x', '@me/x'], join(dir, 'deep/er'))).to.deep.equal([plain, scoped]);
  });

  it('counts a linked package and its target as one', () => {
    const target = aPackage(join(dir, 'target'), pluginJson);
    mkdirSync(join(dir, 'node_modules'));
    symlinkSync(join(dir, 'target'), join(dir, 'node_modules/x'), 'junction');

    expect(resolveHashPlugins(['x', './target'], dir)).to.deep.equal([target]);
  });

  it('says what is wrong with a specifier', () => {
    aPackage(join(dir, 'without'), { name: 'without' });
    aPackage(join(dir, 'gone'), { name: 'gone', p2p: { hashAlgorithms: './absent.js' } });
    mkdirSync(join(dir, 'broken'));
    writeFileSync(join(dir, 'broken/package.json'), '{');

    const problems: readonly (readonly [string, RegExp])[] = [
      ['nowhere', /no hash plugin 'nowhere'.*plugins install nowhere/],
      ['./nowhere.js', /there is no file .*nowhere\.js/],
      ['without', /not a hash plugin: its package.json has no "p2p"/],
      ['gone', /there is no file .*absent\.js/],
      ['broken', /package.json is not JSON/],
    ];
    for (const [specifier, message] of problems) {
      expect(() => resolveHashPlugins([specifier], dir), specifier)
        .to.throw(OptionError, message)
        .with.property('code', 'P2P_PLUGIN_INVALID');
    }
  });

  it('finds the hash plugins among installed packages', () => {
    const plugin = aPackage(join(dir, 'plugin'), pluginJson);
    aPackage(join(dir, 'other'), { name: 'other', p2p: {} });

    const roots = ['other', 'plugin', 'absent', 'plugin'].map((name) => join(dir, name));
    expect(findInstalledHashPlugins(roots)).to.deep.equal([plugin]);
  });

  it('says which plugin cannot be loaded, and why', async () => {
    const modules: readonly (readonly [string, RegExp])[] = [
      ['export default 5;', /no array of hash algorithms as its default export/],
      ['export const x = 1;', /no array of hash algorithms/],
      ['export default [];', /exports no hash algorithm/],
      ['throw new Error("boom");', /cannot be loaded: boom/],
      ['this is no code', /cannot be loaded/],
      ['export default [{ name: "sha1" }];', /breaks the contract/],
    ];
    for (const [index, [code, message]] of modules.entries()) {
      const url = aPackage(join(dir, `plugin-${index}`), pluginJson, code);
      const error: unknown = await loadHashPlugins(HashRegistry.builtIn(), [url]).catch((thrown: unknown) => thrown);

      expect(error).to.be.instanceOf(OptionError).with.property('code', 'P2P_PLUGIN_INVALID');
      expect((error as OptionError).message)
        .to.match(message)
        .and.include(url);
    }
  });
});
