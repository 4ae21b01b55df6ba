/** Which pieces a seeder offers in this run: `--missing`, `--from`, `--to`. A mask is never stored as ownership. */
import { OptionError } from '../errors.js';
import type { PieceLayout } from '../metainfo/piece-layout.js';
import { Bitfield } from '../protocol/bitfield.js';
import type { MaskRequest } from './engine-types.js';

/**
 * @returns the offered pieces; undefined when nothing is masked
 * @throws {P2P_PIECE_OUT_OF_RANGE} for an index past the end, {P2P_OPTION_INVALID} for shares out of 0 to 1 or from > to
 */
export function pieceMask(layout: PieceLayout, request: MaskRequest | undefined): Bitfield | undefined {
  const { missing = [], from = 0, to = 1 } = request ?? {};
  checkShare('--from', from);
  checkShare('--to', to);
  if (from > to) throw new OptionError(`--from ${from} is past --to ${to}`);
  if (missing.length === 0 && from === 0 && to === 1) return undefined;
  const offered = new Bitfield(layout.pieceCount);
  const end = Math.floor(to * layout.pieceCount);
  for (let index = Math.floor(from * layout.pieceCount); index < end; index += 1) offered.set(index);
  for (const index of missing) offered.clear(layout.pieceIndex(index));
  return offered;
}

function checkShare(flag: string, share: number): void {
  if (share >= 0 && share <= 1) return;
  throw new OptionError(`${flag} ${share} is not a share from 0 to 1`);
}
