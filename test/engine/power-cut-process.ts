/**
 * What `power-cut.integration.ts` records: a copy that was stopped in order, into whose file somebody then writes, and that
 * is taken up again. `node power-cut-process.js STATE PART`. Prints what it has done.
 */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { syncFolderNow } from '../../src/database/sync-folder.js';
import type { CopyRecorder } from '../../src/engine/copy-recorder.js';
import { stampFiles } from '../../src/engine/file-stamps.js';
import { StateStore } from '../../src/engine/state-store.js';
import { torrentFiles } from '../../src/engine/torrent-files.js';
import { Bitfield } from '../../src/protocol/bitfield.js';
import type { CopyFile } from '../../src/store/copy-store.js';
import { aMetainfo } from '../helpers/a-torrent.js';
import { testBytes } from '../helpers/test-bytes.js';

/** Path of this script, compiled. */
export const powerCutProcess = fileURLToPath(import.meta.url);

export const PIECE_BYTES = 16_384;
/** The one that somebody overwrites. */
export const TOUCHED_PIECE = 3;
export const content = testBytes(8 * PIECE_BYTES, 1);
export const metainfo = aMetainfo({ content, pieceLengthBytes: PIECE_BYTES });

/** The line that tells how the file looks since somebody wrote into it. */
export interface TouchedLine {
  readonly type: 'touched';
  readonly mtimeNs: string;
  readonly ctimeNs: string;
}

if (process.argv[1] === powerCutProcess) {
  const [stateDir = '', partPath = ''] = process.argv.slice(2);
  const files = torrentFiles(metainfo, partPath);
  const all = Bitfield.full(metainfo.layout.pieceCount);
  const fd = openSync(partPath, 'w+');
  const write = (piece: number, bytes: Uint8Array): void => {
    writeSync(fd, bytes, 0, PIECE_BYTES, piece * PIECE_BYTES);
  };
  const right = (piece: number): Buffer => content.subarray(piece * PIECE_BYTES, (piece + 1) * PIECE_BYTES);
  const stamps = async (): Promise<CopyFile[]> => [...(await stampFiles(files)).values()];
  const open = async (store: StateStore, owned: Bitfield): Promise<CopyRecorder> =>
    store.openCopy({
      metainfo,
      rootPath: partPath.replace(/\.part$/, ''),
      role: 'download',
      metainfoBytes: Uint8Array.of(0x64, 0x65),
      tiers: [],
      owned,
      isDurable: true,
      files: await stamps(),
    });

  for (const piece of all.indices()) write(piece, right(piece));
  fdatasyncSync(fd);
  syncFolderNow(dirname(partPath));
  const first = new StateStore(stateDir, () => undefined);
  const copy = await open(first, all);
  first.closeCopy(copy, 'stopped', { totals: { down: 0, up: 0 }, isFlushed: true });
  first.close();

  write(TOUCHED_PIECE, testBytes(PIECE_BYTES, 2));
  fdatasyncSync(fd);
  const [stamp] = await stamps();
  const touched: TouchedLine = { type: 'touched', mtimeNs: String(stamp?.mtimeNs), ctimeNs: String(stamp?.ctimeNs) };
  process.stdout.write(`${JSON.stringify(touched)}\n`);

  const second = new StateStore(stateDir, () => undefined);
  const owned = all.clone();
  owned.clear(TOUCHED_PIECE);
  const again = await open(second, owned);
  again.record({ intents: [TOUCHED_PIECE] });
  write(TOUCHED_PIECE, right(TOUCHED_PIECE));
  again.record({ verified: [TOUCHED_PIECE] });
  fdatasyncSync(fd);
  again.record({ durable: [TOUCHED_PIECE], files: await stamps() });
  second.closeCopy(again, 'stopped', { totals: { down: 0, up: 0 }, isFlushed: true });
  second.close();
  closeSync(fd);
}
