import { expect } from 'chai';
import fc from 'fast-check';
import { LineEditor, type TypedEvent } from '../../src/cli/line-editor.js';

const line = (text: string): TypedEvent => ({ type: 'line', text });

/** What is in the line after some reads. */
function typed(...reads: readonly string[]): string {
  const editor = new LineEditor();
  for (const read of reads) editor.feed(read);
  return editor.text;
}

describe('LineEditor', () => {
  it('collects characters until Enter, which hands them out', () => {
    const editor = new LineEditor();

    expect(editor.feed('pr')).to.deep.equal([]);
    expect(editor.text).to.equal('pr');
    expect(editor.feed('og\r')).to.deep.equal([line('prog')]);
    expect(editor.text).to.equal('');
  });

  it('takes several lines out of one paste, whatever ends them', () => {
    expect(new LineEditor().feed('prog\r\npeers\n\n  \rhelp')).to.deep.equal([line('prog'), line('peers')]);
  });

  it('trims lines, and has nothing to say of an empty one', () => {
    expect(new LineEditor().feed('  prog \r \r\r')).to.deep.equal([line('prog')]);
  });

  it('takes back the last character as a person sees it', () => {
    expect(typed('ab\u007f')).to.equal('a');
    expect(typed('ab\b\b\b')).to.equal('');
    expect(typed('a👨‍👩‍👧\u007f')).to.equal('a');
    expect(typed('ae\u0301\u007f')).to.equal('a');
  });

  it('clears the line with Ctrl-U, the last word with Ctrl-W', () => {
    expect(typed('one two\u0015')).to.equal('');
    expect(typed('one two \u0017')).to.equal('one ');
    expect(typed('one\u0017\u0017')).to.equal('');
  });

  it('brings the last line back with the up key, and clears it with down', () => {
    expect(typed('peers\rx', '\u001b[A')).to.equal('peers');
    expect(typed('peers\rx', '\u001bOA')).to.equal('peers');
    expect(typed('peers\r', '\u001b[A', '\u001b[B')).to.equal('');
  });

  it('hands out the keys that are signals, and forgets the line', () => {
    const editor = new LineEditor();

    const events = editor.feed('ex\u0003it\u001a\u001c');

    expect(events).to.deep.equal([
      { type: 'signal', signal: 'SIGINT' },
      { type: 'signal', signal: 'SIGTSTP' },
      { type: 'signal', signal: 'SIGQUIT' },
    ]);
    expect(editor.text).to.equal('');
  });

  it('hears a signal in the middle of a sequence', () => {
    for (const begun of ['\u001b', '\u001b[1;', '\u001b]0;title']) {
      expect(new LineEditor().feed(`${begun}\u0003`), JSON.stringify(begun)).to.have.length(1);
    }
  });

  it('takes the end of input (Ctrl-D), Tab and other control characters for nothing', () => {
    expect(typed('a\u0004b\tc\u0000\u000c\u009bd')).to.equal('abcd');
  });

  it('passes over the sequences of keys that it does not know', () => {
    for (const key of [
      '[C',
      '[D',
      '[3~',
      '[1;5C',
      '[200~',
      'OP',
      '[[A',
      '[<0;3;4M',
      'x',
      ']0;title\u0007',
      'P1$r\u001b\\',
    ]) {
      expect(typed(`a\u001b${key}b`), key).to.equal('ab');
    }
  });

  it('passes over a sequence that comes in several reads', () => {
    expect(typed('a\u001b', '[', '1;', '5', 'Cb')).to.equal('ab');
  });

  it('takes the escape key by itself for nothing, and what is typed next for what it is', () => {
    expect(typed('a\u001b', 'b')).to.equal('ab');
    expect(new LineEditor().feed('prog\u001b\r')).to.deep.equal([line('prog')]);
  });

  it('comes out of a string that has no end with Enter', () => {
    expect(typed('\u001b]0;title', '\r', 'prog')).to.equal('prog');
  });

  it('drops what is typed beyond 100 characters', () => {
    expect(typed('x'.repeat(500))).to.have.length(100);
  });

  it('holds no control character, whatever is fed', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 20 })), (reads) => {
        const editor = new LineEditor();
        const lines = reads.flatMap((read) => editor.feed(read));
        const texts = [editor.text, ...lines.map((event) => (event.type === 'line' ? event.text : ''))];
        return texts.every((text) => text.length <= 101 && !/[\u0000-\u001f\u007f-\u009f]/.test(text));
      }),
    );
  });
});
