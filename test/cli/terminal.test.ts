import { expect } from 'chai';
import { styleFor } from '../../src/cli/style.js';
import { terminalOf } from '../../src/cli/terminal.js';

describe('terminalOf', () => {
  const tty = { isTTY: true, columns: 100 };

  it('has colours in a terminal, but not with NO_COLOR or in a dumb one', () => {
    expect(terminalOf(tty, {}, 'linux').hasColors).to.equal(true);
    expect(terminalOf(tty, { NO_COLOR: '1' }, 'linux').hasColors).to.equal(false);
    expect(terminalOf(tty, { TERM: 'dumb' }, 'linux')).to.include({ hasColors: false, isInteractive: false });
    expect(terminalOf({}, {}, 'linux')).to.include({ hasColors: false, isInteractive: false, columns: 80 });
  });

  it('trusts the locale about Unicode', () => {
    expect(terminalOf(tty, { LANG: 'de_DE.UTF-8' }, 'linux').hasUnicode).to.equal(true);
    expect(terminalOf(tty, { LANG: 'de_DE.UTF-8', LC_ALL: 'C' }, 'linux').hasUnicode).to.equal(false);
    expect(terminalOf(tty, {}, 'linux').hasUnicode).to.equal(false);
  });
});

describe('styleFor', () => {
  it('paints only where colours are wanted', () => {
    expect(styleFor(true).bold('x')).to.equal('\u001b[1mx\u001b[22m');
    expect(styleFor(false).bold('x')).to.equal('x');
  });
});
