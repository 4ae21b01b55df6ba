import { expect } from 'chai';
import { displayWidth } from '../../src/cli/display-width.js';
import { styleFor } from '../../src/cli/style.js';
import { answerTo, type AnswerLook } from '../../src/cli/typed-words.js';
import type { TransferSnapshot } from '../../src/engine/engine-types.js';
import { aTransfer, someLinks } from './snapshots.js';

const look = (columns: number): AnswerLook => ({ terminal: { columns, hasUnicode: true }, style: styleFor(false) });

const running = (name = 'story.txt'): TransferSnapshot =>
  aTransfer(
    { name, etaMs: 12_000 },
    { verifiedPieces: 270, verifiedBytes: 34_560, downBytesPerSec: 2_048, links: someLinks(2) },
  );

describe('answerTo', () => {
  it('tells how far a download is', () => {
    expect(answerTo('prog', [running()], look(120))).to.deep.equal([
      'story.txt  ████████████████░░░░░░░░░░░░░░  56%',
      '  downloading, 270 of 480 pieces, 33.8 KiB of 60 KiB, 2 KiB/s down, 0 B/s up, 2 peers, 12s left',
    ]);
  });

  it('breaks the figures where the terminal is narrow', () => {
    expect(answerTo('prog', [running()], look(40))).to.deep.equal([
      'story.txt  ████████████░░░░░░░░░░░  56%',
      '  downloading, 270 of 480 pieces,',
      '  33.8 KiB of 60 KiB, 2 KiB/s down,',
      '  0 B/s up, 2 peers, 12s left',
    ]);
  });

  it('tells why nothing arrives', () => {
    expect(answerTo('prog', [aTransfer()], look(120)).at(-1)).to.match(/0 peers, looking for peers$/);
  });

  it('tells of each transfer', () => {
    expect(answerTo('prog', [running('a'), running('b')], look(120))).to.have.length(4);
  });

  it('lists the peers of each transfer, busiest first', () => {
    const [first, second] = someLinks(2);
    const links = [
      { ...first, peerChoking: true, peerInterested: true, progress: 0.5, client: 'other 1.0' },
      { ...second, downBytesPerSec: 1_024, amChoking: true, peerInterested: true },
    ] as ReturnType<typeof someLinks>;

    expect(answerTo('peers', [aTransfer({}, { links })], look(120))).to.deep.equal([
      'story.txt: 2 peers',
      'peer            client      has     down     up  we                  it                  from',
      '192.0.2.1:9001  p2p 0.1.0  100%  1 KiB/s  0 B/s  interested          interested, choked  tracker',
      '192.0.2.1:9000  other 1.0   50%    0 B/s  0 B/s  interested, choked  interested          tracker',
    ]);
  });

  it('keeps address, share and rate of a peer where the terminal is narrow', () => {
    const lines = answerTo('peers', [aTransfer({}, { links: someLinks(1) })], look(40));

    expect(lines.slice(1)).to.deep.equal(['peer             has   down     up', '192.0.2.1:9000  100%  0 B/s  0 B/s']);
  });

  it('says that no peer is connected', () => {
    expect(answerTo('peers', [aTransfer()], look(80))).to.deep.equal(['story.txt: no peer is connected']);
  });

  it('has an answer before the first transfer began', () => {
    expect(answerTo('prog', [], look(80))).to.deep.equal(['Nothing runs yet.']);
    expect(answerTo('peers', [], look(80))).to.deep.equal(['Nothing runs yet.']);
  });

  it('knows words in any case', () => {
    expect(answerTo('PROG', [running()], look(80))).to.deep.equal(answerTo('prog', [running()], look(80)));
  });

  it('lists the words', () => {
    const words = answerTo('help', [], look(40)).map((line) => line.trim().split(' ')[0]);

    expect(words).to.have.members(['prog', 'peers', 'help', 'exit']);
  });

  it('answers another word in one line', () => {
    expect(answerTo('quit', [], look(40))).to.deep.equal(["'quit' is not known here; type help."]);
  });

  it('shows nothing of strangers as it came, and no line that is too wide', () => {
    const hostile = '\u001b[2J\u202e長い名前'.repeat(9);
    const links = someLinks(1).map((link) => ({ ...link, client: hostile }));

    for (const columns of [40, 80, 120]) {
      for (const word of ['prog', 'peers', 'help', hostile]) {
        const lines = answerTo(word, [aTransfer({ name: hostile }, { links })], look(columns));

        expect(lines.join(''), word).not.to.match(/[\u0000-\u001f\u202e]/);
        for (const line of lines) expect(displayWidth(line), line).to.be.at.most(columns);
      }
    }
  });
});
