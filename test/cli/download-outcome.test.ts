import { expect } from 'chai';
import { downloadOutcomeError } from '../../src/cli/download-outcome.js';
import type { TransferOutcome } from '../../src/engine/engine-types.js';
import type { SwarmSnapshot } from '../../src/swarm/swarm-snapshot.js';
import { aTransfer, someLinks } from './snapshots.js';

function anOutcome(fields: Partial<TransferOutcome>, swarm: Partial<SwarmSnapshot> = {}): TransferOutcome {
  return { state: 'incomplete', elapsedMs: 5, snapshot: aTransfer({}, swarm), ...fields };
}

const PART = 'output/story.txt.part';
const timedOut = { code: 'P2P_INCOMPLETE', message: 'no new piece for 1s', details: { a: 1 } } as const;

describe('downloadOutcomeError', () => {
  it('names the pieces that are missing everywhere, and where the rest is kept', () => {
    const swarm = {
      ...{ verifiedPieces: 477, links: someLinks(2) },
      ...{ missingEverywhere: [20, 21, 40], missingEverywhereCount: 3 },
    };

    const error = downloadOutcomeError(anOutcome({ error: timedOut }, swarm), undefined, PART);

    expect(error).to.include({ code: 'P2P_INCOMPLETE', exitCode: 4 });
    expect(error?.message).to.equal(
      'story.txt is incomplete: no new piece for 1s. Missing everywhere: 20-21, 40. ' +
        'What came is kept in output/story.txt.part; the same command goes on with it',
    );
    expect(error?.details).to.deep.include({ a: 1, missingEverywhere: [20, 21, 40] });
  });

  it('passes other errors on as they are', () => {
    const full = { code: 'P2P_DISK_FULL', message: 'no space left', details: {} } as const;

    expect(downloadOutcomeError(anOutcome({ state: 'failed', error: full }), undefined, PART)).to.include({
      code: 'P2P_DISK_FULL',
      message: 'no space left',
    });
  });

  it('is nothing for a complete download', () => {
    expect(downloadOutcomeError(anOutcome({ state: 'complete' }), undefined, PART)).to.equal(undefined);
    expect(downloadOutcomeError(undefined, 'SIGINT', PART)).to.equal(undefined);
  });

  it('tells a signal', () => {
    expect(downloadOutcomeError(anOutcome({ state: 'stopped' }), 'SIGINT', PART)?.message).to.equal(
      'story.txt is incomplete: stopped by SIGINT, 0 of 480 pieces are here',
    );
  });
});
