import { expect } from 'chai';

import { OptionError } from '../../src/errors.js';
import type { HashAlgorithm } from '../../src/hashing/hash-algorithm.js';
import { HashRegistry } from '../../src/hashing/hash-registry.js';
import { sha256Algorithm } from '../../src/hashing/sha.js';

function aHash(name: string): HashAlgorithm {
  return { ...sha256Algorithm, name };
}

describe('HashRegistry', () => {
  it('begins with the built-in algorithms', () => {
    const registry = HashRegistry.builtIn();

    expect(registry.names()).to.deep.equal(['blake3', 'sha1', 'sha256']);
    expect(registry.names().every((name) => registry.isBuiltIn(name))).to.equal(true);
    expect(registry.names().map((name) => registry.require(name).digestLength)).to.deep.equal([32, 20, 32]);
  });

  it('adds algorithms of a plugin to this registry alone', () => {
    const registry = HashRegistry.builtIn();
    registry.add([aHash('one'), aHash('two')], 'file:///plugin.js');

    expect(registry.names()).to.deep.equal(['blake3', 'sha1', 'sha256', 'one', 'two']);
    expect(registry.isBuiltIn('one')).to.equal(false);
    expect(HashRegistry.builtIn().find('one')).to.equal(undefined);
  });

  it('names what there is when an algorithm is unknown', () => {
    const registry = HashRegistry.builtIn();

    expect(() => registry.require('md5'))
      .to.throw(OptionError, /no hash algorithm 'md5'; there are blake3, sha1, sha256.*plugins install/)
      .with.property('code', 'P2P_HASH_UNKNOWN');
    expect(registry.find('md5')).to.equal(undefined);
    expect(registry.isBuiltIn('md5')).to.equal(false);
  });

  const refused: readonly (readonly [string, readonly HashAlgorithm[], RegExp])[] = [
    ['built-in names', [aHash('blake3')], /'blake3', which cannot be taken/],
    ['the same name twice', [aHash('one'), aHash('one')], /exports 'one' twice/],
    ['an empty array', [], /exports no hash algorithm/],
    ['what breaks the contract', [{ ...aHash('one'), digestLength: 20 }], /breaks the contract: .*digestLength 20/],
    ['what is no algorithm', [undefined as unknown as HashAlgorithm], /is not an object/],
  ];
  for (const [what, algorithms, message] of refused) {
    it(`refuses ${what}`, () => {
      expect(() => {
        HashRegistry.builtIn().add(algorithms, 'x');
      })
        .to.throw(OptionError, message)
        .with.property('code', 'P2P_PLUGIN_INVALID');
    });
  }

  it('adds nothing of a plugin that is partly wrong', () => {
    const registry = HashRegistry.builtIn();

    expect(() => {
      registry.add([aHash('one'), aHash('sha1')], 'x');
    }).to.throw(OptionError);
    expect(registry.find('one')).to.equal(undefined);
  });

  it('refuses a name that another plugin has, and takes the same plugin twice', () => {
    const registry = HashRegistry.builtIn();
    registry.add([aHash('one')], 'first');
    registry.add([aHash('one')], 'first');

    expect(() => {
      registry.add([aHash('one')], 'second');
    }).to.throw(OptionError, /plugin second wants the name 'one', which first has already/);
  });
});
