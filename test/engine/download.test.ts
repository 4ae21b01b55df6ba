import { expect } from 'chai';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { CopyRecorder } from '../../src/engine/copy-recorder.js';
import { Download, type DownloadOptions } from '../../src/engine/download.js';
import { DownloadFiles } from '../../src/engine/download-files.js';
import { downloadTarget } from '../../src/engine/download-target.js';
import { SeedWatch } from '../../src/engine/seed-limits.js';
import type { StateStore } from '../../src/engine/state-store.js';
import type { TorrentSession } from '../../src/engine/torrent-session.js';
import { Bitfield } from '../../src/protocol/bitfield.js';
import { StorageError } from '../../src/errors.js';
import type { SwarmSnapshot } from '../../src/swarm/swarm-snapshot.js';
import { aSwarm } from '../cli/snapshots.js';
import { aMetainfo } from '../helpers/a-torrent.js';

/** A promise that settles when the test says so. */
function aGate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open: () => open() };
}

describe('Download', () => {
  let outputDir: string;
  const metainfo = aMetainfo();

  beforeEach(() => {
    outputDir = mkdtempSync(path.join(tmpdir(), 'p2p-download-'));
  });
  afterEach(() => rmSync(outputDir, { recursive: true, force: true }));

  /** A download whose session and store write down what is asked of them. */
  function aDownload(
    changes: Partial<DownloadOptions> = {},
    swarm: Partial<SwarmSnapshot> = {},
    session: Partial<TorrentSession> = {},
  ): { download: Download; session: TorrentSession; calls: string[]; owned: Bitfield } {
    const calls: string[] = [];
    const target = downloadTarget(metainfo, outputDir);
    writeFileSync(target.partPath, 'all pieces');
    const say = (call: string) => (): void => void calls.push(call);
    const store = {
      setState: (_copy: CopyRecorder, state: string) => calls.push(`state ${state}`),
      recordFiles: () => undefined,
      completeCopy: () => calls.push('state complete'),
      closeCopy: (_copy: CopyRecorder, state: string, end: { isFlushed: boolean }) =>
        calls.push(`close ${state}${end.isFlushed ? '' : ', not flushed'}`),
    } as unknown as StateStore;
    const options: DownloadOptions = {
      metainfo,
      files: new DownloadFiles({ metainfo, target, chosen: undefined }),
      force: false,
      seedAfter: false,
      timeoutMs: undefined,
      seedWatch: new SeedWatch({}),
      store,
      copy: { flush: () => undefined } as unknown as CopyRecorder,
      releaseLock: say('release'),
      serve: () => {
        throw new Error('this test seeds nothing');
      },
      onNote: (message) => calls.push(`note ${message}`),
      onDownloaded: say('downloaded'),
      onOver: say('over'),
      ...changes,
    };
    const fakeSession = {
      start: say('start'),
      stop: () => {
        calls.push('stop');
        return Promise.resolve(true);
      },
      closeFiles: () => Promise.resolve(),
      handleRenamed: say('renamed'),
      snapshot: () => aSwarm(swarm),
      lastVerifiedMs: performance.now(),
      ...session,
    } as unknown as TorrentSession;
    return { download: new Download(options), session: fakeSession, calls, owned: new Bitfield(8) };
  }

  it('gives the file its name when every piece is verified', async () => {
    const { download, session, calls, owned } = aDownload();

    download.start(session, owned);
    download.handleComplete();
    const outcome = await download.finished;

    expect(outcome.state).to.equal('complete');
    expect(readFileSync(path.join(outputDir, 'story.txt'), 'utf8')).to.equal('all pieces');
    expect(calls).to.deep.equal([
      'state downloading',
      'start',
      'state complete',
      'renamed',
      'downloaded',
      'stop',
      'close complete',
      'release',
      'over',
    ]);
  });

  it('is complete first when it is stopped while it gets its name', async () => {
    const gate = aGate();
    const { download, session, calls, owned } = aDownload({}, {}, { closeFiles: () => gate.opened });
    download.start(session, owned);
    download.handleComplete();
    expect(download.snapshot().state).to.equal('finishing');

    const stopped = download.stop();
    expect(calls).to.not.include('stop');
    gate.open();
    await stopped;

    expect((await download.finished).state).to.equal('complete');
    expect(calls).to.include('close complete');
    expect(calls.filter((call) => call === 'release')).to.have.length(1);
  });

  it('does not fail of anything but the renaming once every piece is verified', async () => {
    const gate = aGate();
    const { download, session, owned } = aDownload({}, {}, { closeFiles: () => gate.opened });
    download.start(session, owned);
    download.handleComplete();

    download.handleFailed({ code: 'P2P_DISK_FAILED', message: 'a late helper could not write', details: {} });
    gate.open();

    expect((await download.finished).state).to.equal('complete');
  });

  it('fails, and keeps the data, when something came to its place meanwhile', async () => {
    const { download, session, calls, owned } = aDownload();
    download.start(session, owned);
    writeFileSync(path.join(outputDir, 'story.txt'), 'of the user');

    download.handleComplete();
    const { state, error } = await download.finished;

    expect(state).to.equal('failed');
    expect(error?.code).to.equal('P2P_TARGET_EXISTS');
    expect(readFileSync(path.join(outputDir, 'story.txt'), 'utf8')).to.equal('of the user');
    expect(readFileSync(path.join(outputDir, 'story.txt.part'), 'utf8')).to.equal('all pieces');
    expect(calls).to.include.members(['close failed', 'release', 'over']);
    expect(download.snapshot().path).to.equal(path.join(outputDir, 'story.txt.part'));
  });

  it('seeds on when everything was there from the start', async () => {
    const serve: DownloadOptions['serve'] = ({ session: serving }) =>
      ({
        session: serving,
        isChecking: false,
        start: () => calls.push('serve'),
        stop: () => serving?.stop(0),
      }) as never;
    const { download, session, calls } = aDownload({ seedAfter: true, serve });

    download.start(session, Bitfield.full(8));
    const outcome = await download.finished;

    expect(outcome.state).to.equal('complete');
    expect(download.snapshot().state).to.equal('seeding');
    expect(calls.indexOf('start')).to.be.greaterThan(calls.indexOf('renamed'));
    expect(calls).to.include('serve');
    await download.stop();
    expect(calls).to.include('close complete');
  });

  it('gives the lock back and settles though the state cannot be written', async () => {
    const store = {
      setState: () => undefined,
      recordFiles: () => undefined,
      closeCopy: () => {
        throw new StorageError('P2P_STATE_UNUSABLE', 'gone');
      },
    } as unknown as StateStore;
    const { download, session, calls, owned } = aDownload({ store });
    download.start(session, owned);

    const stopping = download.stop().catch((error: unknown) => error);

    expect((await download.finished).state).to.equal('stopped');
    expect(await stopping).to.be.instanceOf(StorageError);
    expect(calls).to.include.members(['release', 'over']);
  });

  it('stops once, whoever asks', async () => {
    const { download, session, calls, owned } = aDownload();
    download.start(session, owned);

    await Promise.all([download.stop(), download.stop()]);
    download.handleComplete();
    await download.stop();

    expect(calls).to.deep.equal(['state downloading', 'start', 'stop', 'close stopped', 'release', 'over']);
    expect(existsSync(path.join(outputDir, 'story.txt'))).to.equal(false);
  });

  describe('time without a new piece', () => {
    it('ends as nobody answered, with what the trackers said', async () => {
      const trackers = [
        {
          url: 'http://t.example/announce',
          state: 'failed',
          message: 'cannot reach it',
          seeders: undefined,
          leechers: undefined,
          nextAnnounceInMs: 0,
          everAnswered: false,
        },
      ] as const;
      const { download, session, owned } = aDownload({ timeoutMs: 1 }, { everAnswered: false, trackers });

      download.start(session, owned);
      const { state, error } = await download.finished;

      expect(state).to.equal('incomplete');
      expect(error?.code).to.equal('P2P_NOBODY_ANSWERED');
      expect(error?.message).to.include('http://t.example/announce: cannot reach it');
    });

    it('ends as incomplete and names what is missing everywhere', async () => {
      const swarm = { pieceCount: 8, verifiedPieces: 5, missingEverywhere: [2, 7], missingEverywhereCount: 2 };
      const { download, session, calls, owned } = aDownload({ timeoutMs: 1 }, swarm);

      download.start(session, owned);
      const { error } = await download.finished;

      expect(error?.code).to.equal('P2P_INCOMPLETE');
      expect(error?.message).to.include('5 of 8 pieces are here, no peer has 2 of the others');
      expect(error?.details).to.deep.include({ missingEverywhere: [2, 7], verifiedPieces: 5 });
      expect(calls).to.include('close incomplete');
    });
  });

  it('makes a folder of a torrent that has none but empty files', async () => {
    const empty = aMetainfo({ name: 'album', files: { 'a.txt': Buffer.alloc(0), 'b/c.txt': Buffer.alloc(0) } });
    const target = downloadTarget(empty, outputDir);
    const files = new DownloadFiles({ metainfo: empty, target, chosen: undefined });
    const { download, session } = aDownload({ metainfo: empty, files });

    download.start(session, Bitfield.full(0));

    expect((await download.finished).state).to.equal('complete');
    expect(readFileSync(path.join(outputDir, 'album', 'b', 'c.txt'), 'utf8')).to.equal('');
  });
});
