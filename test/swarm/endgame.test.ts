import { expect } from 'chai';
import { BLOCK_LENGTH, PieceLayout, type PieceIndex } from '../../src/metainfo/piece-layout.js';
import { planRescue, type EndgameLink, type EndgamePiece, type Rescue } from '../../src/swarm/endgame.js';
import type { Assignment } from '../../src/swarm/swarm-link.js';
import { piece } from './swarm-fixture.js';

const BLOCKS = 16;
const PIECE_BYTES = BLOCKS * BLOCK_LENGTH;
const LAYOUT = new PieceLayout(PIECE_BYTES, [{ lengthBytes: 20 * PIECE_BYTES }]);
const NOW_MS = 10_000;

describe('planRescue', () => {
  it('takes over the queue of a slow link, the last pieces first, so that both end together', () => {
    const slow = aLink({ holds: [0, 1, 2, 3, 4], downBytesPerSec: 100_000 });
    const idle = aLink({ downBytesPerSec: 100_000 });

    const rescue = plan(idle, [slow]);

    expect(rescue?.type === 'take-over' && rescue.pieceIndices).to.deep.equal([4, 3, 2]);
    expect(rescue?.type === 'take-over' && rescue.touched).to.deep.equal([]);
  });

  it('helps with the only piece of a slow link', () => {
    const slow = aLink({ holds: [7], downBytesPerSec: 10_000, inFlightBytes: 2 * BLOCK_LENGTH });

    expect(plan(aLink(), [slow])).to.deep.equal({ type: 'help', owner: slow, pieceIndex: 7 });
  });

  it('helps nobody before the endgame, when two help already, or when the piece must come from one peer', () => {
    const slow = aLink({ holds: [7], downBytesPerSec: 10_000 });

    expect(plan(aLink(), [slow], {}, false)).to.equal(undefined);
    expect(plan(aLink(), [slow], { helpers: 2 })).to.equal(undefined);
    expect(plan(aLink(), [slow], { isLonely: true })).to.equal(undefined);
  });

  it('does nothing when the owner will be done within a round trip', () => {
    const fast = aLink({ holds: [7], downBytesPerSec: 10_000_000 });

    expect(plan(aLink({ roundTripMs: 50 }), [fast])).to.equal(undefined);
  });

  it('takes the slowest first', () => {
    const slow = aLink({ holds: [1], downBytesPerSec: 50_000 });
    const slowest = aLink({ holds: [2], downBytesPerSec: 5_000 });

    expect(plan(aLink(), [slow, slowest])?.owner).to.equal(slowest);
  });

  it('passes over pieces that the idle peer does not have', () => {
    const slow = aLink({ holds: [1, 2, 3], downBytesPerSec: 5_000 });

    expect(plan(aLink({ has: [3] }), [slow])).to.deep.include({ type: 'take-over', pieceIndices: [3] });
    expect(plan(aLink({ has: [9] }), [slow])).to.equal(undefined);
  });

  it('takes everything from a link that fell silent', () => {
    const silent = aLink({ holds: [1, 2], downBytesPerSec: 5_000, stalledMs: 6_000, inFlightBytes: PIECE_BYTES });

    const rescue = plan(aLink(), [silent]);

    expect(rescue).to.deep.include({ type: 'take-over', pieceIndices: [2, 1], touched: [1] });
  });

  it('bears silence longer when a piece was taken over before', () => {
    const silent = aLink({ holds: [1], downBytesPerSec: 5_000, stalledMs: 4_000, inFlightBytes: PIECE_BYTES });

    expect(plan(aLink(), [silent], { takenOver: 0 })?.type).to.equal('take-over');
    expect(plan(aLink(), [silent], { takenOver: 1 })).to.equal(undefined);
  });

  it('takes what was asked of a link that needs several times as long, when nothing is left to help with', () => {
    const slow = aLink({ holds: [1], downBytesPerSec: 5_000, inFlightBytes: 8 * BLOCK_LENGTH });
    const fast = aLink({ downBytesPerSec: 1_000_000 });

    expect(plan(fast, [slow], { isExhausted: true })).to.deep.include({ type: 'take-over', pieceIndices: [1] });
    expect(plan(fast, [slow], { isExhausted: true, takenOver: 12 })).to.equal(undefined);
    expect(plan(fast, [slow], { isExhausted: false })?.type).to.equal('help');
  });

  it('leaves a link alone that began a moment ago', () => {
    const young = aLink({ holds: [1, 2], startMs: NOW_MS - 100 });

    expect(plan(aLink(), [young])).to.equal(undefined);
  });
});

function plan(
  idle: EndgameLink,
  links: readonly EndgameLink[],
  about: Partial<EndgamePiece> = {},
  isEndgame = true,
): Rescue<EndgameLink> | undefined {
  const pieceOf = (): EndgamePiece => ({ helpers: 0, isExhausted: false, takenOver: 0, isLonely: false, ...about });
  return planRescue({ idle, links: [idle, ...links], layout: LAYOUT, isEndgame, canHelp: true, pieceOf }, NOW_MS);
}

function aLink(
  options: {
    readonly holds?: readonly number[];
    readonly has?: readonly number[];
    readonly downBytesPerSec?: number;
    readonly roundTripMs?: number;
    readonly stalledMs?: number;
    readonly inFlightBytes?: number;
    readonly startMs?: number;
  } = {},
): EndgameLink {
  const { holds = [], has, stalledMs = 0, inFlightBytes = 0 } = options;
  const assignment = (): Assignment => ({ sizeBytes: PIECE_BYTES, sinceMs: 0, isReleasing: false });
  const assigned = new Map<PieceIndex, Assignment>(holds.map((index) => [piece(index), assignment()]));
  return {
    downBytesPerSec: options.downBytesPerSec ?? 0,
    roundTripMs: options.roundTripMs ?? 10,
    measure: { stalledMs, inFlightBytes },
    startMs: options.startMs ?? 0,
    pieces: { has: (index) => has?.includes(index) ?? true },
    assigned,
    remainingBytes: () => holds.length * PIECE_BYTES,
  };
}
