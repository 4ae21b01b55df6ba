import { expect } from 'chai';
import { reflowOf, ScreenBottom, type Screen } from '../../src/cli/screen-bottom.js';

/** A bottom on a screen that a test changes; `written` takes what was written since the last look. */
function aBottom(look: Partial<Screen> = {}) {
  const screen: { -readonly [Key in keyof Screen]: Screen[Key] } = {
    ...{ isPaintable: true, columns: 80, rows: 24, reflow: 'all' },
    ...look,
  };
  let text = '';
  const bottom = new ScreenBottom(
    (more) => (text += more),
    () => screen,
  );
  const written = (): string => {
    const taken = text;
    text = '';
    return taken;
  };
  return { bottom, screen, written };
}

/** With lines of its own. */
function withLive(
  lines: readonly string[],
  look: Partial<Screen> = {},
): ReturnType<typeof aBottom> & { owner: object } {
  const made = aBottom(look);
  const owner = {};
  made.bottom.claim(owner);
  made.bottom.setLive(owner, lines);
  made.written();
  return { ...made, owner };
}

describe('ScreenBottom', () => {
  it('shows what is typed below the live lines, and takes it away', () => {
    const { bottom, written } = withLive(['live']);

    bottom.setInput('pro');
    expect(written()).to.equal('\r\u001b[Jlive\n> pro');
    bottom.setInput('');
    expect(written()).to.equal('\r\u001b[1A\u001b[Jlive');
  });

  it('shows the end of what is typed when it is too wide', () => {
    const { bottom, written } = aBottom({ columns: 12 });

    bottom.setInput('abcdefghijklmnop');

    expect(written()).to.equal('> …ijklmnop');
  });

  it('counts on the widest drawing of what is typed', () => {
    const { bottom, written } = aBottom({ columns: 12 });

    bottom.setInput('ab👨‍👩‍👧👨‍👩‍👧');

    expect(written().length).to.be.at.most('> …'.length + 8);
  });

  it('finds the first line again when the window wrapped the lines', () => {
    const painted = withLive(['x'.repeat(70), 'y'.repeat(50)]);

    painted.screen.columns = 40;
    painted.bottom.setLive(painted.owner, ['short']);

    expect(painted.written()).to.equal('\r\u001b[3A\u001b[Jshort');
  });

  it('goes no further up than the terminal wraps', () => {
    const vscode = withLive(['x'.repeat(70), 'y'.repeat(50)], { reflow: 'above-cursor' });
    const xterm = withLive(['x'.repeat(70), 'y'.repeat(50)], { reflow: 'none' });

    for (const { screen, bottom, owner } of [vscode, xterm]) {
      screen.columns = 40;
      bottom.setLive(owner, []);
    }

    expect(vscode.written()).to.equal('\r\u001b[2A\u001b[J');
    expect(xterm.written()).to.equal('\r\u001b[1A\u001b[J');
  });

  it('leaves out lines that are too wide for the window until narrower ones come', () => {
    const { bottom, screen, written } = withLive(['x'.repeat(70), '\u001b[1mshort\u001b[22m']);

    screen.columns = 40;
    bottom.repaint();

    expect(written()).to.equal('\r\u001b[2A\u001b[J\u001b[1mshort\u001b[22m');
  });

  it('paints no more lines than the window has, the last ones', () => {
    const { bottom, owner, written } = withLive([], { rows: 3 });

    bottom.setLive(owner, ['1', '2', '3', '4']);

    expect(written()).to.equal('3\n4');
  });

  it('paints and erases nothing in the background, and comes back whole', () => {
    const { bottom, screen, owner, written } = withLive(['live']);

    screen.isPaintable = false;
    bottom.setLive(owner, ['ghost']);
    bottom.above(() => {});
    bottom.setInput('ghost');
    bottom.setInput('');
    expect(written()).to.equal('');
    screen.isPaintable = true;
    bottom.setLive(owner, ['live again']);
    expect(written()).to.equal('live again');
  });

  it('leaves a clean screen when hidden, and paints anew where the cursor is afterwards', () => {
    const { bottom, owner, written } = withLive(['one', 'two']);

    bottom.hide();
    expect(written()).to.equal('\r\u001b[1A\u001b[J');
    bottom.setLive(owner, ['ghost']);
    expect(written()).to.equal('');
    bottom.show();
    expect(written()).to.equal('\r\u001b[Jghost');
  });
});

describe('reflowOf', () => {
  it('knows the terminals that do not wrap lines anew', () => {
    expect(reflowOf({ TERM: 'xterm-256color' })).to.equal('all');
    expect(reflowOf({ TERM: 'xterm-256color', XTERM_VERSION: 'XTerm(379)' })).to.equal('none');
    expect(reflowOf({ TERM: 'linux' })).to.equal('none');
    expect(reflowOf({ TERM: 'screen.xterm-256color' })).to.equal('none');
    expect(reflowOf({ TERM: 'screen-256color', TMUX: '/tmp/tmux-1000/default,1,0' })).to.equal('all');
    expect(reflowOf({ TERM: 'xterm-256color', TERM_PROGRAM: 'vscode' })).to.equal('above-cursor');
  });
});
