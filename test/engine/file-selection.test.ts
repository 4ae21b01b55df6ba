import { expect } from 'chai';
import { chooseFiles, wantedPieces } from '../../src/engine/file-selection.js';
import type { FileChoice } from '../../src/engine/engine-types.js';
import { PieceLayout } from '../../src/metainfo/piece-layout.js';
import { aMetainfo } from '../cli/snapshots.js';
import { expectError } from '../helpers/expect-error.js';

const PATHS = [
  'readme.txt',
  'music/one.flac',
  'music/two.flac',
  'music/.cover',
  'video/Big Film.mkv',
  'video/cd[1].txt',
];

describe('chooseFiles', () => {
  const files = [
    ...PATHS.map((path) => ({ path: path.split('/'), lengthBytes: 100, isPad: false })),
    { path: ['.pad', '28'], lengthBytes: 28, isPad: true },
  ];
  const folder = aMetainfo({ name: 'album', isFolder: true, files });

  const glob = (text: string): FileChoice => ({ type: 'glob', glob: text });
  const chosen = (...choices: readonly FileChoice[]): string[] => {
    const found = chooseFiles(folder, choices);
    return found ? [...found.indices()].map((index) => PATHS[index] ?? 'padding') : ['all'];
  };

  it('takes names wherever they are, paths, and folders with all that is in them', () => {
    expect(chosen(glob('*.txt'))).to.deep.equal(['readme.txt', 'video/cd[1].txt']);
    expect(chosen(glob('music/*.flac'))).to.deep.equal(['music/one.flac', 'music/two.flac']);
    expect(chosen(glob('music'))).to.deep.equal(['music/one.flac', 'music/two.flac', 'music/.cover']);
    expect(chosen(glob('video/'), glob('**/.cover'))).to.deep.equal([
      'music/.cover',
      'video/Big Film.mkv',
      'video/cd[1].txt',
    ]);
    expect(chosen(glob('video/cd\\[1\\].*'))).to.deep.equal(['video/cd[1].txt']);
  });

  it('takes away what a glob with ! in front fits', () => {
    expect(chosen(glob('!music'))).to.deep.equal(['readme.txt', 'video/Big Film.mkv', 'video/cd[1].txt']);
    expect(chosen(glob('music'), glob('!*.flac'))).to.deep.equal(['music/.cover']);
  });

  it('takes places in the list, and never padding', () => {
    expect(chosen({ type: 'range', first: 1, last: 2 })).to.deep.equal(['music/one.flac', 'music/two.flac']);
    expect(chosen({ type: 'range', first: 5, last: 1_000_000_000 })).to.deep.equal(['video/cd[1].txt']);
  });

  it('says nothing special of everything', () => {
    expect(chosen(glob('**'))).to.deep.equal(['all']);
    expect(chosen({ type: 'range', first: 0, last: 5 })).to.deep.equal(['all']);
    const single = aMetainfo();
    expect(chooseFiles(single, [glob('story.*')])).to.equal(undefined);
    expect(chooseFiles(single, [{ type: 'range', first: 0, last: 0 }])).to.equal(undefined);
  });

  it('names the choice that fits nothing, and files that there are', () => {
    for (const choice of [glob('*.mp4'), glob(''), glob('!'), { type: 'range', first: 6, last: 9 } as const]) {
      const error = expectError('P2P_FILES_NOT_FOUND', () => chooseFiles(folder, [glob('*.txt'), choice]));
      expect(error.message).to.include('readme.txt, music/one.flac');
    }
    const { message } = expectError('P2P_FILES_NOT_FOUND', () => chooseFiles(folder, [glob('*.mp4')]));
    expect(message).to.include("no file of album fits '*.mp4'");
    expectError('P2P_FILES_NOT_FOUND', () => chooseFiles(folder, [glob('music'), glob('!music')]));
  });

  it('bounds the names in an error, and shows control characters', () => {
    const many = Array.from({ length: 5_000 }, (_, at) => ({ path: [`\u001b[2J${at}`], lengthBytes: 1, isPad: false }));
    const folder = aMetainfo({ isFolder: true, files: many });
    const error = expectError('P2P_FILES_NOT_FOUND', () => chooseFiles(folder, [glob('x')]));

    expect(error.message).to.include('\\x1b[2J9 and 4990 more').and.not.include('\u001b');
  });
});

describe('wantedPieces', () => {
  it('takes the pieces at the borders whole, and none for an empty file', () => {
    const layout = new PieceLayout(10, [
      { lengthBytes: 15 },
      { lengthBytes: 10 },
      { lengthBytes: 0 },
      { lengthBytes: 9 },
    ]);
    const wantedOf = (index: number): number[] => {
      const files = aMetainfo({ isFolder: true, files: aFolderOf(4) });
      const chosen = chooseFiles(files, [{ type: 'range', first: index, last: index }]);
      return chosen ? [...wantedPieces(layout, chosen).indices()] : [];
    };

    expect([0, 1, 2, 3].map(wantedOf)).to.deep.equal([[0, 1], [1, 2], [], [2, 3]]);
  });
});

function aFolderOf(count: number) {
  return Array.from({ length: count }, (_, at) => ({ path: [`${at}`], lengthBytes: 1, isPad: false }));
}
