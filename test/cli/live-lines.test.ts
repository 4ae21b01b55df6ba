import { expect } from 'chai';
import { LiveLines } from '../../src/cli/live-lines.js';
import { captureOutput } from './captured-output.js';

describe('LiveLines', () => {
  it('repaints in place, whatever the number of lines', () => {
    const { output, stdout } = captureOutput({ tty: true });
    const live = new LiveLines(output);

    live.paint(['one']);
    live.paint(['one', 'two']);
    live.paint(['three', 'four']);

    expect(stdout()).to.equal('one\r\u001b[Jone\ntwo\r\u001b[1A\u001b[Jthree\nfour');
  });

  it('writes nothing when nothing changed', () => {
    const { output, stdout } = captureOutput({ tty: true });
    const live = new LiveLines(output);

    live.paint(['same']);
    live.paint(['same']);

    expect(stdout()).to.equal('same');
  });

  it('steps aside while lines are printed above it, on either stream', () => {
    const { output, stdout, stderr } = captureOutput({ tty: true });
    new LiveLines(output).paint(['live']);

    output.text('above');
    output.note('careful');

    expect(stdout()).to.equal('live\r\u001b[Jabove\nlive\r\u001b[Jlive');
    expect(stderr()).to.equal('Note: careful\n');
  });

  it('leaves the screen clean, and does not come back', () => {
    const { output, stdout } = captureOutput({ tty: true });
    const live = new LiveLines(output);

    live.paint(['live']);
    live.close();
    live.close();
    live.paint(['ghost']);
    output.text('end');

    expect(stdout()).to.equal('live\r\u001b[Jend\n');
  });
});
