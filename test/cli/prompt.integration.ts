/** What is typed while a peer runs, in a real pseudo-terminal: the screen, the exit codes, the shell's job control. */
import { expect } from 'chai';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../helpers/eventually.js';
import { hasProgram, requireOrSkip } from '../helpers/external-tool.js';
import { projectRoot } from '../helpers/project-root.js';
import { PseudoTerminal, type PseudoTerminalOptions } from '../helpers/pseudo-terminal.js';
import { useSwarm } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';

const P2P = join(projectRoot, 'bin', 'run.js');
const MIB = 1024 * 1024;
const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const CTRL_U = '\u0015';
const CTRL_Z = '\u001a';
const BACKSPACE = '\u007f';

/** The live line of a download, whatever is left of it at 40 columns. */
const LIVE = /^(slow|hole|late)\.bin .*%/;

describe('Typing while a peer runs', function () {
  this.timeout(60_000);
  const swarm = useSwarm();
  const terminals: PseudoTerminal[] = [];
  const flags = ['--piece-length', '16K'];
  let latePath = '';

  before(async function () {
    requireOrSkip(this, hasProgram('python3'), 'python3');
    await swarm.startTracker();
    latePath = swarm.file('late.bin', testBytes(MIB, 3));
    await Promise.all([
      // Never complete, and quiet.
      swarm.seed(swarm.file('hole.bin', testBytes(MIB, 1)), [...flags, '--missing', '3']),
      // Moves for longer than any test takes.
      swarm.seed(swarm.file('slow.bin', testBytes(64 * MIB, 2)), [...flags, '--upload-limit', '500K']),
      // Complete when a test says so.
      swarm.seed(latePath, [...flags, '--missing', '3']),
    ]);
  });

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') for (const each of terminals) console.error(each.log());
    await Promise.all(terminals.splice(0).map((each) => each.close()));
  });

  function open(command: readonly string[], options: Partial<PseudoTerminalOptions> = {}): PseudoTerminal {
    const cwd = swarm.folder('terminal');
    const env = { P2P_STATE: join(cwd, 'state'), NODE: process.execPath, P2P, ...options.env };
    const terminal = new PseudoTerminal(command, { columns: 120, ...options, cwd, env });
    terminals.push(terminal);
    return terminal;
  }

  const words = (name: string): string[] => ['peer', 'download', name, '--tracker', swarm.tracker.url, '-p', '0'];

  /** A download in a terminal, its live line painted. */
  async function download(name: string, options: Partial<PseudoTerminalOptions> = {}): Promise<PseudoTerminal> {
    const terminal = open([process.execPath, P2P, ...words(name)], options);
    await terminal.untilLine(LIVE);
    return terminal;
  }

  /** An interactive shell, at its first prompt: a line with `$` alone. */
  async function shell(): Promise<PseudoTerminal> {
    const terminal = open(['bash', '--norc', '--noprofile', '-i'], { env: { HISTFILE: '' } });
    await terminal.untilLine(/^bash.*[$#]$/);
    terminal.type("PS1='$ '\r");
    await terminal.untilLine(/^\$$/);
    return terminal;
  }

  /** Lets a download of late.bin be completed, until `whileItIs` ends. */
  async function completeLate(whileItIs: () => Promise<unknown>): Promise<void> {
    const { process } = await swarm.seed(latePath, flags);
    await whileItIs();
    await process.stop();
  }

  /** Resolves when the live line was painted again, with other figures. */
  async function repainted(terminal: PseudoTerminal): Promise<void> {
    const before = terminal.lines.find((line) => LIVE.test(line));
    await terminal.until('a repaint', () => terminal.lines.some((line) => LIVE.test(line) && line !== before));
  }

  /** All that stands below the line that says what is downloaded. */
  const belowTitle = (terminal: PseudoTerminal): string[] => {
    const { lines } = terminal;
    return lines.slice(lines.findIndex((line) => line.startsWith('Downloading')) + 1);
  };

  for (const columns of [40, 120]) {
    describe(`at ${columns} columns`, () => {
      it('keeps what is typed below the live line, which goes on', async () => {
        const terminal = await download('slow.bin', { columns });

        for (const key of 'pro') terminal.type(key);
        await terminal.untilLine(/^> pro$/);
        await repainted(terminal);
        await repainted(terminal);
        expect(belowTitle(terminal)).to.have.length(2);
        expect(belowTitle(terminal)[0]).to.match(LIVE);
        expect(terminal.cursor).to.deep.equal({ line: '> pro', column: 5 });
        terminal.type(BACKSPACE.repeat(3));
        await terminal.until('an empty line', () => !terminal.lines.some((line) => line.startsWith('>')));

        await repainted(terminal);
        expect(belowTitle(terminal)).to.have.length(1);
      });

      it('answers above the live line', async () => {
        const terminal = await download('slow.bin', { columns });
        await terminal.untilLine(/^slow\.bin .*KiB\/s .* left$/);
        const isLast = (pattern: RegExp): boolean => pattern.test(terminal.lines.at(-2) ?? '');

        terminal.type('prog\r');
        await terminal.until('prog', () => isLast(/ left$/) && LIVE.test(terminal.lines.at(-1) ?? ''));
        terminal.type('peers\r');
        await terminal.until('peers', () => isLast(/^127\.0\.0\.1:\d+ .*\d+%|^\[::1\]:\d+ .*\d+%/));
        terminal.type('help\r');
        await terminal.until('help', () => isLast(/^ {2}help {3}these words$/));
        terminal.type('quit\r');
        await terminal.until('an unknown word', () => isLast(/^'quit' is not known here; type help\.$/));

        await repainted(terminal);
        const lines = belowTitle(terminal);
        expect(lines.filter((line) => /^slow\.bin .*[█░]/.test(line) && LIVE.test(line))).to.have.length.within(1, 2);
        expect(lines.join('\n')).to.match(/downloading, [\d,]+ of 4,096 pieces/);
        expect(lines.some((line) => line.startsWith('slow.bin: 1 peer'))).to.equal(true);
        expect(lines.some((line) => line.startsWith('>'))).to.equal(false);
        expect(lines.at(-1)).to.match(LIVE);
        expect(terminal.cursor.line).to.match(LIVE);
      });

      it('is not disturbed by wide characters, keys and pastes', async () => {
        const terminal = await download('slow.bin', { columns });

        terminal.type('\u001b[A\u001b[1;5C\u001b]0;x\u0007\t\u001bOP');
        terminal.type(`日本語👨‍👩‍👧😀e\u0301${'漢'.repeat(60)}`);
        await terminal.untilLine(/^> …?.*漢/);
        await repainted(terminal);
        await repainted(terminal);
        expect(belowTitle(terminal)).to.have.length(2);
        terminal.type(`${CTRL_U}one\r\ntwo\nthr`);
        await terminal.untilLine(/^> thr$/);

        await repainted(terminal);
        const lines = belowTitle(terminal);
        expect(lines.slice(0, 2)).to.deep.equal(
          ['one', 'two'].map((word) => `'${word}' is not known here; type help.`),
        );
        expect(lines[2]).to.match(LIVE);
        expect(lines.slice(3)).to.deep.equal(['> thr']);
      });

      it('leaves with exit code 4 when exit is typed before the download is complete', async () => {
        const terminal = await download('hole.bin', { columns });
        await terminal.untilLine(/no peer has|98%/);

        terminal.type('exit\r');
        const { code, settings } = await terminal.exit();

        expect(code).to.equal(4);
        expect(terminal.lines.join('')).to.include('is incomplete: stopped by exit').and.to.include('P2P_INCOMPLETE');
        expect(terminal.lines.some((line) => LIVE.test(line) || line.startsWith('>'))).to.equal(false);
        expect(isCooked(settings)).to.equal(true);
      });

      it('lets a seeder leave with exit code 0', async () => {
        const path = swarm.file('given.bin', testBytes(1_000, 4));
        const command = [process.execPath, P2P, 'peer', 'seed', path, '--tracker', swarm.tracker.url, '-p', '0'];
        const terminal = open(command, { columns });
        await terminal.untilLine(/^given\.bin .*up /);

        terminal.type('peers\rEXIT\r');
        const { code } = await terminal.exit();

        expect(code).to.equal(0);
        expect(terminal.lines.at(-1)).to.equal('given.bin: no peer is connected');
      });
    });
  }

  it('reads keys one by one while it runs, and gives the terminal back as it was', async () => {
    const terminal = await shell();
    terminal.type(`stty -a > before; "$NODE" "$P2P" ${words('hole.bin').join(' ')}; stty -a > after; echo done\r`);
    await terminal.untilLine(LIVE);
    expect(isCooked(await terminal.settings())).to.equal(false);
    terminal.type('exit\r');
    await terminal.untilLine(/^done$/);

    const folder = swarm.folder('stty');
    terminal.type(`cp before after ${folder}\rexit\r`);
    await terminal.exit();
    expect(readFileSync(join(folder, 'after'), 'utf8')).to.equal(readFileSync(join(folder, 'before'), 'utf8'));
  });

  it('takes the end of input for nothing, and Ctrl-C for what it is', async () => {
    const terminal = await download('slow.bin');
    const before = isCooked(await terminal.settings());

    terminal.type(CTRL_D);
    terminal.type('x');
    await terminal.untilLine(/^> x$/);
    await repainted(terminal);
    terminal.type(CTRL_C);
    const { code, settings } = await terminal.exit();

    expect(code).to.equal(130);
    expect(before).to.equal(false);
    expect(isCooked(settings)).to.equal(true);
    expect(terminal.lines.join('')).to.include('stopped by SIGINT');
  });

  it('ends at once at the second Ctrl-C, the terminal as it was', async () => {
    const terminal = await download('slow.bin');

    terminal.type(CTRL_C + CTRL_C);
    const { code, settings } = await terminal.exit();

    expect(code).to.equal(130);
    expect(isCooked(settings)).to.equal(true);
    expect(terminal.lines.join('')).not.to.include('stopped by');
  });

  for (const typed of ['', 'some words']) {
    it(`leaves no trash when the window is resized, with '${typed}' typed`, async () => {
      for (const options of [{}, { reflowsCursorLine: false, env: { TERM_PROGRAM: 'vscode' } }]) {
        const terminal = await download('slow.bin', options);
        const title = terminal.lines[0];
        const below = typed === '' ? [] : [`> ${typed}`];
        terminal.type(typed);
        await terminal.until('what is typed', () => terminal.lines.length === 2 + below.length);

        for (const columns of [40, 100, 30, 60, 120]) {
          terminal.resize(columns);
          await repainted(terminal);
          await repainted(terminal);
          const { lines } = terminal;
          expect(lines[1], terminal.log()).to.match(LIVE);
          expect([lines[0], ...lines.slice(2)], `${columns} columns`).to.deep.equal([title, ...below]);
        }
        await terminal.close();
      }
    });
  }

  it('in the background of a shell is never stopped and downloads to the end', async () => {
    const terminal = await shell();

    terminal.type(`"$NODE" "$P2P" ${words('late.bin').join(' ')} & echo pid $!\r`);
    const pid = Number(/\d+/.exec(await terminal.untilLine(/^pid \d+$/))?.[0]);
    await terminal.untilLine(/late\.bin: \d+%/);
    // What is typed belongs to the shell.
    terminal.type('exit() { echo "not now"; }\rexit\r');
    await terminal.untilLine(/^not now$/);
    expect(stateOf(pid)).not.to.equal('T');
    await completeLate(() => terminal.untilLine(/Successfully Downloaded late\.bin/));
    terminal.type('wait $!; echo code $?\r');
    await terminal.untilLine(/^code 0$/);

    expect(terminal.lines.join('')).not.to.include('Stopped');
    expect(terminal.lines.filter((line) => LIVE.test(line))).to.deep.equal([]);
  });

  it('stops at Ctrl-Z, goes on in the background, and comes back', async () => {
    const terminal = await shell();
    terminal.type(`"$NODE" "$P2P" ${words('slow.bin').join(' ')}\r`);
    await terminal.untilLine(LIVE);
    terminal.type('half');
    await terminal.untilLine(/^> half$/);

    terminal.type(CTRL_Z);
    await terminal.untilLine(/^\[1\]\+ +Stopped/);
    terminal.type('stty -a | grep -o -e " icanon" -e " echo "; echo "job $(jobs -p)"\r');
    const pid = Number(/\d+/.exec(await terminal.untilLine(/^job \d+$/))?.[0]);
    expect(stateOf(pid)).to.equal('T');
    expect(terminal.lines.some((line) => line.startsWith('> ') || LIVE.test(line))).to.equal(false);
    expect(terminal.lines).to.include(' icanon').and.to.include(' echo');

    terminal.type('bg\r');
    await terminal.untilLine(/^\[1\]\+ .*&$/);
    terminal.type('echo mine\r');
    await terminal.untilLine(/^mine$/);
    expect(stateOf(pid)).to.be.oneOf(['S', 'R', 'D']);

    terminal.type('fg\r');
    await terminal.untilLine(LIVE);
    await eventually('raw mode', async () => !isCooked(await terminal.settings()));
    terminal.type('help\r');
    await terminal.untilLine(/^ {2}help {3}these words$/);
    await repainted(terminal);
    expect(terminal.lines.at(-1)).to.match(LIVE);

    terminal.type(CTRL_Z);
    await terminal.until('a second stop', () => terminal.lines.filter((line) => line.includes('Stopped')).length === 2);
    terminal.type('fg\r');
    await eventually('raw mode', async () => !isCooked(await terminal.settings()));
    terminal.type('exit\r');
    await terminal.untilLine(/stopped by exit/);
    terminal.type('echo code $?\r');
    await terminal.untilLine(/^code 4$/);
  });

  it('neither reads in the background nor gives up when it was stopped without a word', async () => {
    const terminal = await shell();
    terminal.type(`"$NODE" "$P2P" ${words('slow.bin').join(' ')} & echo pid $!; fg\r`);
    const pid = Number(/\d+/.exec(await terminal.untilLine(/^pid \d+$/))?.[0]);
    await terminal.untilLine(LIVE);
    await eventually('raw mode', async () => !isCooked(await terminal.settings()));

    process.kill(pid, 'SIGSTOP');
    await terminal.untilLine(/^\[1\]\+ +Stopped/);
    terminal.type('bg\r');
    await terminal.untilLine(/^\[1\]\+ .*&$/);
    // Nobody types sooner: until it has handled the signal that continues it, it does not know where it is, and reads.
    await delay(500);
    terminal.type('echo mine\r');
    await terminal.untilLine(/^mine$/);
    terminal.type('jobs\r');
    await terminal.untilLine(/^\[1\]\+ +Running/);
    terminal.type('fg\r');
    await eventually('raw mode', async () => !isCooked(await terminal.settings()));
    terminal.type('help\r');
    await terminal.untilLine(/^ {2}help {3}these words$/);
  });

  it('ends in the background without being stopped, although it had read in the foreground', async () => {
    const terminal = await shell();
    terminal.type(`"$NODE" "$P2P" ${words('late.bin').join(' ')}\r`);
    await terminal.untilLine(LIVE);

    terminal.type(CTRL_Z);
    await terminal.untilLine(/^\[1\]\+ +Stopped/);
    terminal.type('bg\r');
    await terminal.untilLine(/^\[1\]\+ .*&$/);
    await completeLate(() => terminal.untilLine(/Successfully Downloaded late\.bin/));
    terminal.type('wait %1; echo code $?\r');
    await terminal.untilLine(/^code 0$/);
  });

  it('reads nothing when stdin is a pipe', async () => {
    const terminal = open(['bash', '-c', `echo exit | "$NODE" "$P2P" ${words('slow.bin').join(' ')}`]);
    await terminal.untilLine(LIVE);
    expect(isCooked(await terminal.settings())).to.equal(true);

    await repainted(terminal);
    terminal.type(CTRL_C);
    await terminal.exit();
    expect(terminal.lines.join('')).to.include('stopped by SIGINT');
  });

  it('reads nothing and writes no control characters when stdout is a pipe or a file', async () => {
    for (const sink of ['| cat > out', '> out']) {
      const folder = swarm.folder('sink');
      const command = `cd ${folder} && echo begun && "$NODE" "$P2P" ${words('late.bin').join(' ')} ${sink}; echo code $?`;
      const terminal = open(['bash', '-c', command]);
      await terminal.untilLine(/^begun$/);
      await eventually('its output', async () => sizeOf(join(folder, 'out')) > 0);
      expect(isCooked(await terminal.settings())).to.equal(true);

      terminal.type('exit\rprog\r');
      await terminal.untilLine(/^prog$/);
      await completeLate(() => terminal.untilLine(/^code 0$/));
      const text = readFileSync(join(folder, 'out'), 'utf8');
      expect(text).to.match(/^Successfully Downloaded late\.bin/m);
      expect(text).not.to.match(/[\u0000-\u0009\u000b-\u001f]/);
      expect(text).not.to.include('known here');
    }
  });
});

/** Whether a terminal hands out whole lines and shows what is typed: ICANON, ECHO and ISIG of the local flags. */
function isCooked(settings: string): boolean {
  const [, , , localFlags] = JSON.parse(settings) as number[];
  return ((localFlags ?? 0) & 0b1011) === 0b1011;
}

/** Process state of proc(5): `T` is stopped; `X` when it is gone. */
function stateOf(pid: number): string {
  const path = `/proc/${pid}/stat`;
  return existsSync(path) ? (readFileSync(path, 'latin1').split(') ').at(-1)?.[0] ?? 'X') : 'X';
}

function sizeOf(path: string): number {
  return existsSync(path) ? readFileSync(path).length : 0;
}
