import { expect } from 'chai';
import type { TorrentSession } from '../../src/engine/torrent-session.js';
import type { TransferSnapshot, TransferState } from '../../src/engine/engine-types.js';
import { transferSnapshot } from '../../src/engine/transfer-snapshot.js';
import type { SwarmSnapshot } from '../../src/swarm/swarm-snapshot.js';
import { aSwarm } from '../cli/snapshots.js';
import { aMetainfo } from '../helpers/a-torrent.js';

describe('transferSnapshot', () => {
  const metainfo = aMetainfo();

  function aSession(swarm: Partial<SwarmSnapshot>): TorrentSession {
    const counts = { offeredPieces: 3, refusedPieces: 1, wastedBytes: 16 };
    return { ...counts, snapshot: () => aSwarm(swarm) } as unknown as TorrentSession;
  }

  const snapshotOf = (session: TorrentSession, state: TransferState): TransferSnapshot =>
    transferSnapshot({ metainfo, session, path: '' }, state);

  it('has a time to the end while bytes come in', () => {
    const session = aSession({ verifiedBytes: 600, wantedBytes: 1000, downBytesPerSec: 200 });

    expect(transferSnapshot({ metainfo, session, path: '/out/story.txt.part' }, 'downloading')).to.deep.include({
      name: 'story.txt',
      totalBytes: 1000,
      etaMs: 2000,
      offeredPieces: 3,
      refusedPieces: 1,
      wastedBytes: 16,
    });
  });

  it('has none when nothing comes, and none in any other state', () => {
    const moving = { verifiedBytes: 600, downBytesPerSec: 200 };

    expect(snapshotOf(aSession({ downBytesPerSec: 0 }), 'downloading').etaMs).to.equal(undefined);
    for (const state of ['finishing', 'seeding', 'complete', 'incomplete', 'failed', 'stopped'] as const) {
      expect(snapshotOf(aSession(moving), state).etaMs, state).to.equal(undefined);
    }
  });

  it('stands before the swarm is joined', () => {
    const { swarm, ...rest } = transferSnapshot({ metainfo, session: undefined, path: 'somewhere' }, 'downloading');

    expect(rest).to.include({ infoHash: metainfo.infoHash, offeredPieces: 0, path: 'somewhere' });
    expect(swarm).to.include({ pieceCount: metainfo.layout.pieceCount, verifiedPieces: 0, everAnswered: false });
  });

  it('counts the payload of earlier sessions', () => {
    const session = aSession({ downTotalBytes: 5, upTotalBytes: 7 });

    const { swarm } = transferSnapshot({ metainfo, session, path: '' }, 'seeding', { down: 10, up: 20 });

    expect(swarm).to.include({ downTotalBytes: 15, upTotalBytes: 27 });
  });
});
