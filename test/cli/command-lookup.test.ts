import { expect } from 'chai';
import { findCommand, unknownCommand } from '../../src/cli/command-lookup.js';

const IDS = ['create', 'list', 'peer', 'peer:download', 'peer:seed', 'tracker:start'];
const words = (text: string): string[] => text.split(' ');

describe('findCommand', () => {
  it('takes the longest command', () => {
    const found = findCommand(words('peer seed a -p 1'), IDS);

    expect(found).to.deep.equal({ type: 'command', id: 'peer:seed', rest: ['a', '-p', '1'] });
  });

  it('takes a command that also groups others when flags follow', () => {
    expect(findCommand(words('peer -S -f a'), IDS)).to.deep.include({ type: 'command', id: 'peer' });
  });

  it('does not take a misspelled subcommand for a word of its topic', () => {
    expect(findCommand(words('peer sed a'), IDS)).to.equal(undefined);
    expect(findCommand(words('tracker begin'), IDS)).to.equal(undefined);
  });

  it('knows topics', () => {
    expect(findCommand(['tracker'], IDS)).to.deep.equal({ type: 'topic', id: 'tracker' });
  });

  it('does not know oclif ids with colons in them', () => {
    expect(findCommand(['--json'], IDS)).to.equal(undefined);
    expect(findCommand([], IDS)).to.equal(undefined);
  });
});

describe('unknownCommand', () => {
  for (const [typed, meant] of [
    ['peer sed story.txt', 'peer seed'],
    ['peer downlod x', 'peer download'],
    ['sed', 'peer seed'],
    ['download x', 'peer download'],
    ['lst', 'list'],
    ['lsit', 'list'],
    ['traker start', 'tracker start'],
  ] as const) {
    it(`suggests '${meant}' for '${typed}', with a space`, () => {
      const error = unknownCommand(words(typed), IDS);

      expect(error.code).to.equal('P2P_UNKNOWN_COMMAND');
      expect(error.message).to.include(`Did you mean 'p2p ${meant}'?`);
      expect(error.details).to.include({ suggestion: meant });
    });
  }

  it('suggests nothing for what is like nothing', () => {
    const error = unknownCommand(['frobnicate'], IDS);

    expect(error.message).to.include("'frobnicate'").and.to.include('--help');
    expect(error.details).not.to.have.property('suggestion');
  });

  it('asks for a command where there are only flags', () => {
    expect(unknownCommand(['--json'], IDS).message).to.include("'--json' needs a command before it");
  });

  it('shows no control characters', () => {
    expect(unknownCommand(['a\u001b[2J'], IDS).message).to.include('\\x1b[2J');
  });
});
