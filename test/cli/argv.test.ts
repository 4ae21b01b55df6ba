import { expect } from 'chai';
import fc from 'fast-check';
import { hasFlag, hoistCommand, normaliseArgv } from '../../src/cli/argv.js';

const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');

describe('normaliseArgv', () => {
  for (const [given, wanted] of [
    ['--missing 1 2 story.txt', '--missing=1 --missing=2 story.txt'],
    ['-m 1 2 5-7 story.txt', '--missing=1 --missing=2 --missing=5-7 story.txt'],
    ['story.txt --missing 3', 'story.txt --missing=3'],
    ['--missing 1 --port 9001 a', '--missing=1 --port 9001 a'],
    ['--missing=4 5', '--missing=4 5'],
    ['--missing story.txt', '--missing story.txt'],
    ['--missing', '--missing'],
    ['-m7 story.txt', '-m7 story.txt'],
    ['-r1 0.2 -r2 0.4 a', '--from 0.2 --to 0.4 a'],
    ['-r1=0.2 -r2=0.4 a', '--from=0.2 --to=0.4 a'],
    ['-- --missing 1 -r1', '-- --missing 1 -r1'],
    ['-m 1 -- 2', '--missing=1 -- 2'],
    ['--missing 1 1.5', '--missing=1 1.5'],
  ] as const) {
    it(`reads ${given}`, () => {
      expect(normaliseArgv(words(given))).to.deep.equal(words(wanted));
    });
  }

  it('leaves words alone that it does not know, whatever they are', () => {
    const word = fc.string().filter((text) => !/^(?:--missing|-m|-r1|-r2)(?:$|=)/.test(text));
    fc.assert(
      fc.property(fc.array(word), (argv) => {
        expect(normaliseArgv(argv)).to.deep.equal(argv);
      }),
    );
  });

  it('changes nothing the second time', () => {
    const word = fc.constantFrom('--missing', '-m', '1', '2-3', '-r1', '0.5', '--', 'story.txt', '-S');
    fc.assert(
      fc.property(fc.array(word), (argv) => {
        const once = normaliseArgv(argv);
        fc.pre(!once.includes('--missing'));
        expect(normaliseArgv(once)).to.deep.equal(once);
      }),
    );
  });
});

describe('hasFlag', () => {
  it('does not look behind --', () => {
    expect(hasFlag(['list', '--json'], '--json')).to.equal(true);
    expect(hasFlag(['list', '--', '--json'], '--json')).to.equal(false);
  });
});

describe('hoistCommand', () => {
  it('moves a leading --json behind the command', () => {
    expect(hoistCommand(['--json', 'peer', 'seed', 'a'])).to.deep.equal(['peer', 'seed', 'a', '--json']);
    expect(hoistCommand(['--json'])).to.deep.equal(['--json']);
    expect(hoistCommand(['list', '--json'])).to.deep.equal(['list', '--json']);
  });
});
