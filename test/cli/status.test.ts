import { expect } from 'chai';
import { copiesToResume, oneOf } from '../../src/cli/select-copies.js';
import { renderStatusCard } from '../../src/cli/status-card.js';
import { renderStatus, shownFolder } from '../../src/cli/status-table.js';
import { styleFor } from '../../src/cli/style.js';
import type { TransferSnapshot } from '../../src/engine/engine-types.js';
import type { CopyDetail, CopyStatus } from '../../src/engine/status-types.js';
import type { InfoHash } from '../../src/metainfo/metainfo.js';
import { Bitfield } from '../../src/protocol/bitfield.js';
import type { SwarmSnapshot } from '../../src/swarm/swarm-snapshot.js';
import { expectError } from '../helpers/expect-error.js';
import { displayWidth } from '../../src/cli/display-width.js';
import { aTransfer, someLinks } from './snapshots.js';

const plain = styleFor(false);
const wide = { columns: 120, hasUnicode: true };

function aCopy(changes: Partial<CopyStatus> = {}): CopyStatus {
  return {
    copyId: 1,
    infoHash: 'ab'.repeat(20) as InfoHash,
    name: 'story.txt',
    role: 'download',
    activity: 'interrupted',
    rootPath: '/somewhere/me/output/story.txt',
    totalBytes: 61_440,
    pieceCount: 480,
    verifiedPieces: 240,
    verifiedBytes: 30_720,
    chosenFiles: undefined,
    fileCount: undefined,
    wantedPieces: changes.pieceCount ?? 480,
    wantedBytes: changes.totalBytes ?? 61_440,
    wantedVerifiedPieces: changes.verifiedPieces ?? 240,
    wantedVerifiedBytes: changes.verifiedBytes ?? 30_720,
    downTotalBytes: 30_720,
    upTotalBytes: 0,
    createdAtMs: 0,
    updatedAtMs: 0,
    runs: [],
    lastError: undefined,
    stoppedCleanly: true,
    ...changes,
  };
}

/** A download that a process works on. */
function aRunning(swarm: Partial<SwarmSnapshot> = {}, fields: Partial<TransferSnapshot> = {}): CopyStatus {
  const snapshot = aTransfer(fields, swarm);
  return aCopy({ activity: 'downloading', runs: [{ pid: 77, startedAtMs: 0, updatedAtMs: 65_000, snapshot }] });
}

const table = (copies: readonly CopyStatus[], columns = 120): string[] =>
  renderStatus(copies, { columns, hasUnicode: true }, plain, '/somewhere/me');

describe('renderStatus', () => {
  it('has a line for each transfer, and one for what an unfinished one waits for', () => {
    const [title, line, reason, ...rest] = table([aCopy()]);

    expect(title).to.match(/^NAME +PROGRESS +SIZE +DOWN +UP +PEERS +LEFT +STATE +FOLDER$/);
    expect(line).to.match(/^story\.txt {2}█{6}░{6} {2}50% {2}60 KiB .* interrupted {2}output$/);
    expect(reason).to.equal(`  it was stopped; 'p2p peer resume' goes on with it`);
    expect(rest).to.deep.equal([]);
  });

  it('says why a running one waits, or is held back', () => {
    const links = someLinks(2);
    const choked = links.map((link) => ({ ...link, peerChoking: true }));
    const reasons = [
      [aRunning(), 'looking for peers'],
      [aRunning({ links, missingEverywhere: [3, 4, 9], missingEverywhereCount: 3 }), 'no peer has 3-4, 9'],
      [aRunning({ links: choked }), 'choked by all 2 peers that have what is missing'],
      [aRunning({ links }, { waitsForDisk: true }), 'waiting for the disk'],
      [
        aRunning({ links, downBytesPerSec: 990 }, { downloadLimitBytesPerSec: 1024 }),
        'held to 1 KiB/s by --download-limit',
      ],
      [aRunning({ links, downBytesPerSec: 500 }, { downloadLimitBytesPerSec: 1024 }), undefined],
      [aRunning({ links, downBytesPerSec: 5 }, { waitsForDisk: true }), 'the disk is slower than the peers'],
    ] as const;

    for (const [copy, reason] of reasons) {
      const [, , line] = table([copy]);
      expect(line, String(reason)).to.equal(reason === undefined ? undefined : `  ${reason}`);
    }
  });

  it('says how the last run ended', () => {
    const lastError = { code: 'P2P_DISK_FULL', message: 'the disk is full', details: {} } as const;

    expect(table([aCopy({ lastError })])[2]).to.equal('  the disk is full');
    expect(table([aCopy({ stoppedCleanly: false })])[2]).to.include('its process was killed');
    expect(table([aCopy({ activity: 'complete', verifiedPieces: 480 })])).to.have.length(2);
  });

  it('never says 100% while a piece is missing', () => {
    const almost = aCopy({ verifiedPieces: 479, verifiedBytes: 61_439 });

    expect(table([almost])[1]).to.include(' 99%');
    expect(table([aCopy({ totalBytes: 0, pieceCount: 0, verifiedPieces: 0, verifiedBytes: 0 })])[1]).to.include('100%');
  });

  it('fits its terminal, and writes out what strangers put into names', () => {
    const copies = [aRunning({ links: someLinks(3) }), aCopy({ name: `\u001b[2J${'x'.repeat(100)}` })];

    for (const columns of [40, 60, 80, 120]) {
      for (const line of table(copies, columns)) {
        expect(displayWidth(line), `${columns}: ${line}`).to.be.at.most(columns);
        expect(line).to.not.include('\u001b');
      }
      expect(table(copies, columns)[1]).to.include('story').and.to.include('downloading');
    }
  });

  it('shows folders from where the user is', () => {
    expect(shownFolder('/somewhere/me/story.txt', '/somewhere/me')).to.equal('.');
    expect(shownFolder('/somewhere/me/a/b/story.txt', '/somewhere/me')).to.equal('a/b');
    expect(shownFolder('/srv/story.txt', '/somewhere/me')).to.equal('/srv');
  });
});

describe('renderStatusCard', () => {
  const half = new Bitfield(480);
  for (let index = 0; index < 240; index += 1) half.set(index);

  function card(copy: CopyStatus, changes: Partial<CopyDetail> = {}): string {
    const trackerTiers = [['http://t.example/announce']];
    const detail = { ...copy, pieceLengthBytes: 128, trackerTiers, verified: half, durable: half, ...changes };
    return renderStatusCard(detail, wide, plain).join('\n');
  }

  it('shows pieces, trackers and peers of a running one', () => {
    const text = card(aRunning({ links: someLinks(2) }), { durable: new Bitfield(480) });

    expect(text).to.include('downloading (process 77, for 1m 5s)');
    expect(text).to.include('240 of 480 pieces of 128 B, 0 of them flushed to the disk');
    expect(text).to.include(`${'█'.repeat(36)}${'░'.repeat(36)}`);
    expect(text).to.include('http://t.example/announce').and.to.include('192.0.2.1:9000').and.to.include('interested');
  });

  it('has no peers and no map where there is nothing to show', () => {
    const text = card(aCopy({ activity: 'complete', verifiedPieces: 480, verifiedBytes: 61_440 }));

    expect(text).to.not.include('no peers').and.to.not.include('░');
    expect(card(aRunning())).to.include('no peers');
  });
});

describe('which transfers a command line means', () => {
  const running = { ...aRunning(), copyId: 2 };
  const seed = aCopy({ copyId: 3, role: 'seed', activity: 'stopped', rootPath: '/somewhere/me/story.txt' });
  const interrupted = aCopy();
  const copies = [interrupted, running, seed];
  const find = (): readonly CopyStatus[] => [interrupted, seed];

  it('resumes what is unfinished and no process works on; with --all the rest too', () => {
    expect(copiesToResume(copies, [], false, find)).to.deep.equal([interrupted]);
    expect(copiesToResume(copies, [], true, find)).to.deep.equal([interrupted, seed]);
  });

  it('takes a name that several have for the unfinished one', () => {
    expect(copiesToResume(copies, ['story.txt', 'story.txt'], false, find)).to.deep.equal([interrupted]);
  });

  it('lists the candidates where a name says too little', () => {
    const error = expectError('P2P_TARGET_AMBIGUOUS', () => oneOf(find(), 'story.txt'));

    expect(error.message).to.include('/somewhere/me/output/story.txt').and.to.include('/somewhere/me/story.txt');
    expect(oneOf([seed], 'story.txt')).to.equal(seed);
  });
});
