import { expect } from 'chai';
import { captureOutput } from './captured-output.js';

describe('Output', () => {
  it('with --json prints JSON lines alone, each with type and version', () => {
    const { output, stdout, stderr } = captureOutput({ json: true });

    output.text('for people');
    output.note('careful');
    output.event('result', { name: 'a\u001bb', left: undefined, bytes: new Uint8Array([1, 255]) });

    expect(stdout()).to.equal(
      '{"type":"note","version":1,"message":"careful"}\n' +
        '{"type":"result","version":1,"name":"a\\u001bb","bytes":"01ff"}\n',
    );
    expect(stderr()).to.equal('');
  });

  it('without --json prints text alone, notes on stderr', () => {
    const { output, stdout, stderr } = captureOutput();

    output.text('for people', 'and more');
    output.note('care\u001bful');
    output.event('result', { name: 'a' });

    expect(stdout()).to.equal('for people\nand more\n');
    expect(stderr()).to.equal('Note: care\\x1bful\n');
  });

  it('is not interactive with --json, terminal or not', () => {
    expect(captureOutput({ json: true, tty: true }).output.terminal.isInteractive).to.equal(false);
    expect(captureOutput({ tty: true }).output.terminal.isInteractive).to.equal(true);
  });

  it('is not interactive while the terminal is of others', () => {
    const { output } = captureOutput({ tty: true, owner: 'others' });

    expect(output.terminal.isInteractive).to.equal(false);
    expect(output.hasScreen).to.equal(true);
    expect(captureOutput({ tty: true, owner: 'nobody' }).output.terminal.isInteractive).to.equal(true);
  });
});
