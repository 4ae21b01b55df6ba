import { expect } from 'chai';
import { FindingDisplay, findingInWords, type FindingEvent } from '../../src/cli/finding-display.js';
import { captureOutput } from './captured-output.js';

const EVENT: FindingEvent = {
  type: 'finding-metadata',
  state: 'searching',
  infoHash: 'c12fe1c06bba254a9dc9f519b335aa7c1367a88a',
  name: 'story.txt',
  peers: 0,
  receivedBytes: 0,
  totalBytes: undefined,
  problem: undefined,
};

describe('findingInWords', () => {
  it('says what it waits for', () => {
    expect(findingInWords(EVENT)).to.equal('Finding metadata of story.txt: looking for peers');
    expect(findingInWords({ ...EVENT, name: undefined })).to.include(`of ${EVENT.infoHash}:`);
    expect(findingInWords({ ...EVENT, problem: 'no route' })).to.include('no tracker: no route');
    expect(findingInWords({ ...EVENT, peers: 1 })).to.equal('Finding metadata of story.txt: 1 peer');
    expect(findingInWords({ ...EVENT, peers: 2, receivedBytes: 16_384, totalBytes: 122_880 })).to.equal(
      'Finding metadata of story.txt: 2 peers, 16 KiB of 120 KiB',
    );
  });

  it('lets no name or tracker reach the terminal', () => {
    const text = findingInWords({ ...EVENT, name: 'a\u001b[2Jb', problem: '\u0007' });

    expect(text).to.include('a\\x1b[2Jb').and.to.include('\\x07');
  });
});

describe('FindingDisplay', () => {
  it('paints a line for each search, and takes it away when that ends', () => {
    const { output, stdout } = captureOutput({ tty: true });
    const display = new FindingDisplay(output);

    display.update(EVENT);
    display.update({ ...EVENT, infoHash: 'other', name: 'other.txt' });
    display.update({ ...EVENT, state: 'found' });
    display.update({ ...EVENT, infoHash: 'other', state: 'given-up' });

    expect(stdout()).to.equal(
      [
        'Finding metadata of story.txt: looking for peers',
        '\r\u001b[JFinding metadata of story.txt: looking for peers\n',
        'Finding metadata of other.txt: looking for peers',
        '\r\u001b[1A\u001b[JFinding metadata of other.txt: looking for peers',
        '\r\u001b[J',
      ].join(''),
    );
  });

  it('logs at first and every ten seconds where there is no terminal', () => {
    const { output, stdout } = captureOutput();
    let nowMs = 0;
    const display = new FindingDisplay(output, () => nowMs);

    for (nowMs = 0; nowMs <= 20_000; nowMs += 250) display.update({ ...EVENT, peers: nowMs });
    display.update({ ...EVENT, state: 'found' });

    expect(stdout().match(/[\d,]+ peers|looking/g)).to.deep.equal(['looking', '10,000 peers', '20,000 peers']);
  });
});
