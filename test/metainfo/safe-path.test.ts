import { expect } from 'chai';
import fc from 'fast-check';
import {
  MAX_COMPONENT_BYTES,
  MAX_PATH_BYTES,
  safeComponent,
  safePaths,
  shortenName,
} from '../../src/metainfo/safe-path.js';
import { expectError } from '../helpers/expect-error.js';

const byteLength = (text: string) => Buffer.byteLength(text);
const pathsOf = (...paths: (string | Uint8Array)[][]) => safePaths(paths.map((path) => ({ path, isPad: false })));
const namesOf = (...names: string[]) => pathsOf(...names.map((name) => [name])).map(([name]) => name);

describe('safeComponent', () => {
  for (const attack of [
    '',
    '.',
    '..',
    '/',
    '/etc/passwd',
    '\\',
    '\\\\host\\share',
    'C:\\Windows',
    'c:/x',
    '../x',
    'a/../b',
    'a\\..\\b',
    '..\\x',
    'x/..',
    'a\0.txt',
    '\0',
  ]) {
    it(`refuses ${JSON.stringify(attack)}`, () => {
      expectError('P2P_PATH_UNSAFE', () => safeComponent(attack));
      expectError('P2P_PATH_UNSAFE', () => safeComponent(Buffer.from(attack)));
    });
  }

  it('names the component in its error, escaped', () => {
    const error = expectError('P2P_PATH_UNSAFE', () => safeComponent('../\x1b[2J\u202etxt'));

    expect(error.message).to.contain("'../\\x1b[2J\\u202etxt'");
    expect(error.details).to.deep.equal({ component: '../\\x1b[2J\\u202etxt' });
  });

  for (const [awkward, safe] of [
    ['AC/DC', 'AC_DC'],
    ['a\\b', 'a_b'],
    ['C:name', 'C_name'],
    ['a\nb\x1b\x7f\u0085', 'a_b___'],
    ['evil\u202etxt.exe', 'evil_txt.exe'],
    ['name.', 'name_'],
    ['name ', 'name_'],
    ['...', '___'],
    ['.. ', '___'],
    [' ', '_'],
    ['CON', '_CON'],
    ['nul.txt', '_nul.txt'],
    ['Aux.tar.gz', '_Aux.tar.gz'],
    ['COM1', '_COM1'],
    ['lpt9.x', '_lpt9.x'],
    ['COM²', '_COM²'],
    ['con .txt', '_con .txt'],
    ['CONIN$', '_CONIN$'],
  ] as const) {
    it(`rewrites ${JSON.stringify(awkward)} as '${safe}'`, () => {
      expect(safeComponent(awkward)).to.equal(safe);
    });
  }

  for (const name of [
    'story.txt',
    'with space.txt',
    ' leading',
    '.hidden',
    '..a',
    'a..b',
    'été 🎵👨‍👩‍👧.flac',
    '中文',
    'CONSOLE',
    'com',
    'COM10',
    'console.log',
    'Part 1: b',
    '100%.txt',
    "it's (1)",
  ]) {
    it(`keeps '${name}'`, () => {
      expect(safeComponent(name)).to.equal(name);
      expect(safeComponent(Buffer.from(name))).to.equal(name);
    });
  }

  it('leaves printable ASCII as it is, but for slashes, drives, ends and devices', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[ -.0-9;-[\]-~]{0,251}$/), (text) => {
        expect(safeComponent(`_${text}~`)).to.equal(`_${text}~`);
        expect(safeComponent(Buffer.from(`_${text}~`))).to.equal(`_${text}~`);
      }),
    );
  });

  it('escapes bytes that are not UTF-8, so that different bytes give different names', () => {
    expect(safeComponent(Uint8Array.of(0x63, 0x61, 0x66, 0xe9))).to.equal('caf%E9');
    expect(safeComponent(Buffer.concat([Buffer.from('é%'), Uint8Array.of(0xff)]))).to.equal('é%25%FF');
    // Overlong, surrogate, past U+10FFFF, cut off: RFC 3629.
    expect(safeComponent(Uint8Array.of(0xc0, 0xaf, 0xed, 0xa0, 0x80, 0xf4, 0x90, 0x80, 0x80, 0xe2, 0x82))).to.equal(
      '%C0%AF%ED%A0%80%F4%90%80%80%E2%82',
    );
  });

  it('never mixes up two names that are not UTF-8', () => {
    const name = fc
      .uint8Array({ minLength: 1, maxLength: 6 })
      .filter((bytes) => !isUtf8(bytes) && bytes.every((byte) => byte > 0x30));

    fc.assert(
      fc.property(name, name, (a, b) => {
        fc.pre(Buffer.compare(a, b) !== 0);
        const [one, other] = [a, b].map((bytes) => safely(bytes));

        expect(one === undefined || one !== other || /_/.test(one)).to.equal(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('refuses a name longer than any path, unread', () => {
    expect(byteLength(safeComponent('x'.repeat(MAX_PATH_BYTES)))).to.equal(MAX_COMPONENT_BYTES);
    expectError('P2P_PATH_UNSAFE', () => safeComponent('x'.repeat(MAX_PATH_BYTES + 1)));
  });

  it('gives a harmless name or P2P_PATH_UNSAFE for any bytes, and changes nothing the second time', () => {
    const nasty = fc.array(
      fc.constantFrom('.', '..', '/', '\\', ' ', '\0', 'C:', 'con', 'a', '\n', 'é', '🎵', '\u202e', '%'),
      { maxLength: 8 },
    );

    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 400 }),
          nasty.map((parts) => Buffer.from(parts.join(''))),
        ),
        (bytes) => {
          const name = safely(bytes);
          if (name === undefined) return;

          expect(name).to.match(/^[^/\\\0-\x1f\x7f-\x9f]+$/);
          expect(name).to.not.match(/[. ]$/);
          expect(byteLength(name)).to.be.at.most(MAX_COMPONENT_BYTES);
          expect(safeComponent(name)).to.equal(name);
        },
      ),
      { numRuns: 3_000 },
    );
  });
});

describe('shortenName', () => {
  it('keeps 255 bytes and cuts 256, before the extension', () => {
    expect(shortenName(`${'x'.repeat(251)}.txt`)).to.equal(`${'x'.repeat(251)}.txt`);
    expect(shortenName(`${'x'.repeat(252)}.txt`)).to.equal(`${'x'.repeat(251)}.txt`);
  });

  it('cuts on a character border', () => {
    expect(shortenName('🎵'.repeat(64))).to.equal('🎵'.repeat(63));
    expect(shortenName(`x${'é'.repeat(127)}é`)).to.equal(`x${'é'.repeat(127)}`);
    expect(shortenName('ab.txt', 5)).to.equal('a.txt');
  });

  it('takes a long tail for a part of the name, not an extension', () => {
    expect(shortenName(`a.${'b'.repeat(300)}`)).to.equal(`a.${'b'.repeat(253)}`);
    expect(shortenName(`.${'b'.repeat(300)}`)).to.equal(`.${'b'.repeat(254)}`);
  });

  it('leaves no dot or space at a cut end', () => {
    expect(shortenName(`${'x'.repeat(254)} ${'y'.repeat(40)}`)).to.equal(`${'x'.repeat(254)}_`);
  });

  it('makes room for a suffix', () => {
    expect(shortenName('a.txt', 255, ' (2)')).to.equal('a (2).txt');
    expect(shortenName(`${'x'.repeat(251)}.txt`, 255, ' (2)')).to.equal(`${'x'.repeat(247)} (2).txt`);
  });
});

describe('safePaths', () => {
  it('leaves ordinary paths alone', () => {
    const paths = [['a', 'b.txt'], ['a', 'c.txt'], ['a', 'd', 'b.txt'], ['b.txt']];

    expect(pathsOf(...paths)).to.deep.equal(paths);
  });

  it('gives each file its own path, whatever it shares with the one before it', () => {
    const name = fc.constantFrom('a', 'b', 'con', 'x'.repeat(300), 'é');
    const part = fc.oneof(name, name.map(Buffer.from), fc.constantFrom(Buffer.of(0xe9), Buffer.of(0xea)));
    fc.assert(
      fc.property(fc.array(fc.array(part, { minLength: 2, maxLength: 3 }), { maxLength: 6 }), (folders) => {
        const paths = folders.map((folder, at) => [...folder, `file ${at}`]);

        expect(pathsOf(...paths)).to.deep.equal(paths.map((path) => path.map(safeComponent)));
      }),
    );
  });

  it('refuses a file without a name, and an unsafe component anywhere', () => {
    for (const path of [[], ['a', '..', 'b'], ['..'], ['a', ''], ['a', '.'], ['/a']]) {
      expectError('P2P_PATH_UNSAFE', () => pathsOf(['fine'], path));
    }
  });

  it('refuses a path that no system can open, at one byte more', () => {
    const folders = Array.from({ length: 16 }, () => 'x'.repeat(255));

    const oneMore = [...folders.slice(1), 'y'.repeat(100), 'z'.repeat(155)];

    expect([folders, oneMore].map((path) => path.join('/').length)).to.deep.equal([MAX_PATH_BYTES, MAX_PATH_BYTES + 1]);
    expect(pathsOf(folders)).to.deep.equal([folders]);
    expectError('P2P_PATH_UNSAFE', () => pathsOf(oneMore));
  });

  it('numbers names that are equal, or differ in case or composition only', () => {
    expect(namesOf('a.txt', 'a.txt', 'a.txt')).to.deep.equal(['a.txt', 'a (2).txt', 'a (3).txt']);
    expect(namesOf('README', 'readme')).to.deep.equal(['README', 'readme (2)']);
    expect(namesOf('é.txt', 'e\u0301.txt')).to.deep.equal(['é.txt', 'e\u0301 (2).txt']);
    expect(namesOf('a (2)', 'a', 'a')).to.deep.equal(['a (2)', 'a', 'a (3)']);
    expect(namesOf('CON', '_con', 'a\nb', 'a_b')).to.deep.equal(['_CON', '_con (2)', 'a_b', 'a_b (2)']);
  });

  it('numbers names that a cut made equal', () => {
    const [one = '', two = ''] = namesOf(`${'x'.repeat(300)}1`, `${'x'.repeat(300)}2`);

    expect([one, two].map(byteLength)).to.deep.equal([255, 255]);
    expect(two).to.equal(`${'x'.repeat(251)} (2)`);
  });

  it('renames a file where another file needs a folder, wherever it stands', () => {
    expect(pathsOf(['a'], ['a', 'b'])).to.deep.equal([['a (2)'], ['a', 'b']]);
    expect(pathsOf(['a', 'b'], ['A'])).to.deep.equal([['a', 'b'], ['A (2)']]);
    expect(pathsOf(['a'], ['a', 'b'], ['a (2)', 'c'])).to.deep.equal([['a (3)'], ['a', 'b'], ['a (2)', 'c']]);
  });

  it('does not mind that pad files share a name', () => {
    const pad = { path: ['.pad', '16'], isPad: true };

    expect(safePaths([pad, { path: ['a'], isPad: false }, pad])).to.deep.equal([['.pad', '16'], ['a'], ['.pad', '16']]);
  });

  it('takes time in proportion to the number of equal names', () => {
    const names = namesOf(...Array.from({ length: 50_000 }, () => 'a'));

    expect(names.at(-1)).to.equal('a (50000)');
  });

  it('gives different paths to all files, and none of them is the folder of another', () => {
    const component = fc.constantFrom('a', 'A', 'b', 'a (2)', 'con', '_con', 'é', 'e\u0301', 'a.', 'a_');

    fc.assert(
      fc.property(fc.array(fc.array(component, { minLength: 1, maxLength: 3 }), { maxLength: 12 }), (paths) => {
        const keys = pathsOf(...paths).map((path) => path.join('/').normalize('NFC').toLowerCase());

        expect(new Set(keys).size).to.equal(paths.length);
        for (const key of keys) expect(keys.some((other) => other.startsWith(`${key}/`))).to.equal(false);
      }),
      { numRuns: 2_000 },
    );
  });
});

function safely(bytes: Uint8Array): string | undefined {
  try {
    return safeComponent(bytes);
  } catch (error) {
    expect(error).to.have.property('code', 'P2P_PATH_UNSAFE');
    return undefined;
  }
}

function isUtf8(bytes: Uint8Array): boolean {
  return Buffer.from(Buffer.from(bytes).toString('utf8')).equals(Buffer.from(bytes));
}
