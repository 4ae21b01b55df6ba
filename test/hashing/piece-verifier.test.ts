import { expect } from 'chai';

import { MetainfoError, OptionError } from '../../src/errors.js';
import type { HashAlgorithm } from '../../src/hashing/hash-algorithm.js';
import { HashRegistry } from '../../src/hashing/hash-registry.js';
import { type PieceStream, PieceVerifier } from '../../src/hashing/piece-verifier.js';
import { sha1Algorithm, sha256Algorithm } from '../../src/hashing/sha.js';

const PIECE_COUNT = 600;
/** Checked by the chosen algorithm alone. */
const PLAIN = 5;
/** Checked by all. */
const FULL = [0, 1, 2, 3, 256, 512];

function piece(index: number): Uint8Array {
  return Uint8Array.from([index & 255, index >>> 8, 7]);
}

/** An algorithm that counts its digests. */
function counting(algorithm: HashAlgorithm, name: string): HashAlgorithm & { digests: number } {
  const counted = {
    ...algorithm,
    name,
    digests: 0,
    digest(bytes: Uint8Array) {
      counted.digests += 1;
      return algorithm.digest(bytes);
    },
  };
  return counted;
}

/** SHA-1 cut to 16 bytes: weaker than `sha1`. */
const shortHash: HashAlgorithm = {
  name: 'short',
  digestLength: 16,
  digest: (bytes) => sha1Algorithm.digest(bytes).slice(0, 16),
  createHasher() {
    const running = sha1Algorithm.createHasher();
    return {
      update(bytes) {
        running.update(bytes);
      },
      digest: () => running.digest().slice(0, 16),
    };
  },
};

function aRegistry(...plugins: HashAlgorithm[]): HashRegistry {
  const registry = HashRegistry.builtIn();
  if (plugins.length > 0) registry.add(plugins, 'test');
  return registry;
}

/** Digests of all pieces; `wrong` names algorithms whose digests are of other bytes. */
function digestsOf(registry: HashRegistry, names: readonly string[], wrong: readonly string[] = []) {
  return new Map(
    names.map((name) => {
      const algorithm = registry.find(name) ?? sha256Algorithm;
      const shift = wrong.includes(name) ? 1 : 0;
      const parts = Array.from({ length: PIECE_COUNT }, (_, index) => algorithm.digest(piece(index + shift)));
      return [name, new Uint8Array(Buffer.concat(parts))] as const;
    }),
  );
}

function aVerifier(names: readonly string[], options: { wrong?: string[]; verifyWith?: string } = {}): PieceVerifier {
  const registry = aRegistry();
  return new PieceVerifier({
    digests: digestsOf(registry, names, options.wrong),
    registry,
    verifyWith: options.verifyWith,
  });
}

function verdictOf(stream: PieceStream, bytes: Uint8Array): ReturnType<PieceStream['verdict']> {
  for (const byte of bytes) stream.update(Uint8Array.of(byte));
  return stream.verdict();
}

describe('PieceVerifier', () => {
  it('knows good pieces from bad ones, whole and streamed', () => {
    const verifier = aVerifier(['blake3', 'sha1']);

    for (const index of [0, 3, 4, PLAIN, 255, 256, 512, PIECE_COUNT - 1]) {
      expect(verifier.verify(index, piece(index))).to.deep.equal({ type: 'good' });
      expect(verifier.verify(index, piece(index + 1))).to.deep.equal({ type: 'bad' });
      expect(verdictOf(verifier.createStream(index), piece(index))).to.deep.equal({ type: 'good' });
      expect(verdictOf(verifier.createStream(index, true), piece(index + 1))).to.deep.equal({ type: 'bad' });
    }
  });

  it('calls a piece past the last one bad', () => {
    expect(aVerifier(['blake3']).verify(PIECE_COUNT, piece(PIECE_COUNT))).to.deep.equal({ type: 'bad' });
  });

  it('chooses blake3, then 32 bytes and more with the built-in ones first, then sha1', () => {
    const strong = { ...sha256Algorithm, name: 'a-strong-one' };
    const registry = aRegistry(strong, shortHash);
    const chosen = (...names: string[]) =>
      new PieceVerifier({ digests: digestsOf(registry, names), registry }).algorithmNames;

    expect(chosen('a-strong-one', 'blake3', 'sha1', 'sha256')).to.deep.equal([
      'blake3',
      'sha256',
      'a-strong-one',
      'sha1',
    ]);
    expect(chosen('a-strong-one', 'sha1', 'short')).to.deep.equal(['a-strong-one', 'sha1', 'short']);
    expect(chosen('short')).to.deep.equal(['short']);
  });

  it('ignores algorithms that nobody here knows beside known ones', () => {
    expect(aVerifier(['unheard-of', 'sha1']).algorithmNames).to.deep.equal(['sha1']);
  });

  it('computes the other algorithms for the first 4 pieces and 1 in 256 alone', () => {
    const other = counting(sha256Algorithm, 'other');
    const registry = aRegistry(other);
    const verifier = new PieceVerifier({ digests: digestsOf(registry, ['blake3', 'other']), registry });

    const fully: number[] = [];
    for (let index = 0; index < PIECE_COUNT; index += 1) {
      other.digests = 0;
      verifier.verify(index, piece(index));
      if (other.digests > 0) fully.push(index);
    }
    expect(fully).to.deep.equal(FULL);
  });

  it('computes every algorithm for every piece with verifyWith all', () => {
    const other = counting(sha256Algorithm, 'other');
    const registry = aRegistry(other);
    const digests = digestsOf(registry, ['blake3', 'other', 'unheard-of']);
    const verifier = new PieceVerifier({ digests, registry, verifyWith: 'all' });
    other.digests = 0;

    verifier.verify(PLAIN, piece(PLAIN));
    expect(other.digests).to.equal(1);
    expect(verdictOf(verifier.createStream(PLAIN), piece(0))).to.deep.equal({ type: 'bad' });
  });

  it('verifies with the named algorithm', () => {
    const verifier = aVerifier(['blake3', 'sha1'], { verifyWith: 'sha1', wrong: ['blake3'] });

    expect(verifier.algorithmName).to.equal('sha1');
    expect(verifier.verify(PLAIN, piece(PLAIN))).to.deep.equal({ type: 'good' });
  });

  it('blames nobody when the chosen hash fails and another holds', () => {
    const verifier = aVerifier(['blake3', 'sha1', 'sha256'], { wrong: ['blake3'] });
    const expected = { type: 'contradiction', holds: ['sha256', 'sha1'], fails: ['blake3'] };

    expect(verifier.verify(PLAIN, piece(PLAIN))).to.deep.equal(expected);
    expect(verdictOf(verifier.createStream(PLAIN), piece(PLAIN))).to.deep.equal({ type: 'unsettled' });
    expect(verdictOf(verifier.createStream(PLAIN, true), piece(PLAIN))).to.deep.equal(expected);
    expect(verdictOf(verifier.createStream(0), piece(0))).to.deep.equal(expected);
  });

  it('sees in a fully checked piece that another algorithm contradicts the chosen one', () => {
    const verifier = aVerifier(['blake3', 'sha1'], { wrong: ['sha1'] });

    expect(verifier.verify(0, piece(0))).to.deep.equal({ type: 'contradiction', holds: ['blake3'], fails: ['sha1'] });
    expect(verifier.verify(PLAIN, piece(PLAIN))).to.deep.equal({ type: 'good' });
  });

  it('settles at once when the torrent carries one algorithm', () => {
    expect(verdictOf(aVerifier(['sha1']).createStream(PLAIN), piece(0))).to.deep.equal({ type: 'bad' });
  });

  it('refuses a torrent of unknown algorithms, naming them', () => {
    expect(() => aVerifier(['unheard-of', 'new-hash']))
      .to.throw(MetainfoError, /hashed with unheard-of, new-hash alone, and here are only blake3, sha1, sha256/)
      .with.property('code', 'P2P_METAINFO_UNKNOWN_HASHES');
  });

  it('refuses to verify with what the torrent does not carry', () => {
    expect(() => aVerifier(['blake3', 'sha1'], { verifyWith: 'sha256' }))
      .to.throw(OptionError, /cannot verify with 'sha256': the torrent carries blake3, sha1/)
      .with.property('code', 'P2P_OPTION_INVALID');
  });

  it('asks for the plugin of an algorithm that the torrent carries', () => {
    expect(() => aVerifier(['blake3', 'unheard-of'], { verifyWith: 'unheard-of' }))
      .to.throw(OptionError, /no hash algorithm 'unheard-of'/)
      .with.property('code', 'P2P_HASH_UNKNOWN');
  });

  it('refuses digests for different numbers of pieces', () => {
    const registry = aRegistry();
    const digests = digestsOf(registry, ['blake3', 'sha1']);
    const cases: readonly (readonly [string, Uint8Array])[] = [
      ['sha1', new Uint8Array(20)],
      ['blake3', new Uint8Array(33)],
    ];
    for (const [name, bytes] of cases) {
      expect(() => new PieceVerifier({ digests: new Map([...digests, [name, bytes]]), registry }))
        .to.throw(MetainfoError, /for each of .* pieces/)
        .with.property('code', 'P2P_METAINFO_INVALID');
    }
  });
});
