import { expect } from 'chai';
import { renderHashes } from '../../src/cli/hash-table.js';
import { renderSeed } from '../../src/cli/seed-card.js';
import { styleFor } from '../../src/cli/style.js';
import { renderTorrentCard } from '../../src/cli/torrent-card.js';
import { isIntact, renderVerifyReport, verifyFailureMessage } from '../../src/cli/verify-report.js';
import { aMetainfo } from './snapshots.js';

const plain = styleFor(false);
const magnet = 'magnet:?xt=urn:btih:abc';

describe('renderTorrentCard', () => {
  it('shows what a torrent is', () => {
    const card = renderTorrentCard(aMetainfo(), { trackers: ['http://t/announce'], magnet, allFiles: false }, plain);

    expect(card.join('\n')).to.include('8 of 128 B').and.to.include('blake3, sha1').and.to.include('1,000 bytes');
    expect(card.at(-1)).to.include(magnet);
  });

  it('lists web seeds', () => {
    const metainfo = aMetainfo({ webSeeds: ['http://a/\r', 'http://b/'] });

    const card = renderTorrentCard(metainfo, { trackers: [], magnet, allFiles: false }, plain);

    expect(card).to.include('  web seeds  http://a/\\x0d').and.to.include('             http://b/');
  });

  it('writes out what a stranger put into names, comments and trackers', () => {
    const metainfo = aMetainfo({
      name: 'a\u001b[2J',
      comment: 'b\u0007',
      createdBy: 'c\u009b',
      creationDate: Number.MAX_SAFE_INTEGER,
      isFolder: true,
      files: [{ path: ['d\u202e', 'e'], lengthBytes: 5, isPad: false }],
    });

    const text = renderTorrentCard(metainfo, { trackers: ['http://x/\r'], magnet, allFiles: false }, plain).join('\n');

    expect(text).not.to.match(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(text).to.include('a\\x1b[2J/').and.to.include('s since 1970').and.to.include('d\\u202e/e');
  });

  it('lists twenty files and counts the rest, pad files left out', () => {
    const files = Array.from({ length: 30 }, (_, index) => ({
      path: [`f${index}`],
      lengthBytes: 10,
      isPad: index === 0,
    }));
    const metainfo = aMetainfo({ isFolder: true, files });
    const count = (allFiles: boolean): number =>
      renderTorrentCard(metainfo, { trackers: [], magnet, allFiles }, plain).filter((line) => / f\d+$/.test(line))
        .length;

    expect(count(false)).to.equal(20);
    expect(count(true)).to.equal(29);
  });
});

describe('renderSeed', () => {
  const seed = { magnet, command: 'p2p peer download story.txt -i 10.0.0.1', trackers: ['http://t/announce'] };

  it('says what others type, and how much of it is offered', () => {
    const metainfo = aMetainfo();
    const lines = renderSeed({ ...seed, metainfo, offeredPieces: 5, published: true }, plain);

    expect(lines[0]).to.equal('story.txt  1 KiB, 8 pieces of 128 B, 5 of them offered');
    expect(lines.join('\n')).to.include(seed.command).and.to.include(magnet).and.to.include(metainfo.infoHash);
  });

  it('says that others need the .torrent file of a private torrent, and shows no magnet link', () => {
    const metainfo = aMetainfo({ isPrivate: true });
    const text = renderSeed({ ...seed, metainfo, offeredPieces: 8, published: false }, plain).join('\n');

    expect(text).to.include('private: others need the .torrent file').and.not.to.include(magnet);
  });
});

describe('renderVerifyReport', () => {
  const report = { pieceCount: 8, badPieces: [], badFiles: [], algorithms: ['blake3'] };

  it('is short when all is right', () => {
    expect(isIntact(report)).to.equal(true);
    expect(renderVerifyReport(report, plain)).to.deep.equal(['All right: 8 pieces checked with blake3.']);
  });

  it('names each bad piece with its files, and sums up', () => {
    const bad = {
      ...report,
      badPieces: [
        { pieceIndex: 3, files: ['a.txt', 'b\u001b.txt'] },
        { pieceIndex: 4, files: ['b.txt'] },
      ],
      badFiles: [{ path: 'c.txt', problem: 'not there' }],
    };

    expect(renderVerifyReport(bad, plain)).to.deep.equal([
      'file c.txt: not there',
      'piece 3 is bad; it touches a.txt, b\\x1b.txt',
      'piece 4 is bad; it touches b.txt',
    ]);
    expect(verifyFailureMessage(bad)).to.equal('2 of 8 pieces bad or missing (3-4), 1 file absent or of another size');
  });
});

describe('renderHashes', () => {
  it('shows implementation, digest and speed', () => {
    const rows = [
      { name: 'blake3', implementation: 'native', digestLength: 32, builtIn: true, bytesPerSec: 5.6e9 },
      { name: 'sum', implementation: 'x', digestLength: 16, builtIn: false, bytesPerSec: undefined },
    ];

    const text = renderHashes(rows, 80, plain).join('\n');

    expect(text).to.match(/blake3\s+native\s+32 bytes\s+5,600 MB\/s\s+built in/);
    expect(text).to.match(/sum\s+x\s+16 bytes\s+plugin/);
  });
});
