/** `p2p create` once its command line is read. */
import { basename, resolve } from 'node:path';
import type { EngineConfig } from '../engine/engine-types.js';
import { formatMagnet } from '../metainfo/magnet.js';
import { formatSize } from '../units.js';
import type { ResultFields } from './base-command.js';
import { defined } from './defined.js';
import { withEngineUntilStopped } from './engine-session.js';
import { countOf } from './format-pieces.js';
import { HashingDisplay } from './hashing-display.js';
import { identityFields, sizeFields } from './json-fields.js';
import type { Output } from './output.js';
import { printable } from './printable.js';
import { refuseExisting, writeNewFile } from './write-new-file.js';

export interface CreateSettings {
  readonly path: string;
  readonly trackers: readonly string[];
  readonly output?: string | undefined;
  readonly force: boolean;
  readonly private: boolean;
  readonly 'pad-files': boolean;
  readonly attributes: boolean;
  readonly comment?: string | undefined;
  readonly 'web-seed'?: readonly string[] | undefined;
  readonly 'piece-length'?: number | undefined;
  readonly hash?: readonly string[] | undefined;
}

/** Builds the torrent, writes the file, says where. */
export async function createTorrentFile(
  output: Output,
  config: EngineConfig,
  settings: CreateSettings,
): Promise<ResultFields> {
  const path = settings.output ?? `${basename(resolve(settings.path))}.torrent`;
  await refuseExisting(path, settings.force);
  const display = new HashingDisplay(output);
  const request = {
    path: settings.path,
    trackers: settings.trackers,
    ...defined({
      pieceLengthBytes: settings['piece-length'],
      hashes: settings.hash,
      webSeeds: settings['web-seed'],
      isPrivate: settings.private ? true : undefined,
      padFiles: settings['pad-files'] ? true : undefined,
      attributes: settings.attributes ? true : undefined,
      comment: settings.comment,
    }),
  };
  const { metainfo, bytes, notes } = await withEngineUntilStopped(output, config, (engine) =>
    engine.create(request, (done, total) => display.update(settings.path, done, total)),
  ).finally(() => display.close());
  await writeNewFile(path, bytes, settings.force);
  for (const note of notes) output.note(note);
  const magnet = formatMagnet(metainfo, { trackers: metainfo.trackerTiers.flat() });
  const { layout } = metainfo;
  const pieces = `${countOf(layout.pieceCount, 'piece')} of ${formatSize(layout.pieceLengthBytes)}`;
  output.text(
    `Wrote ${printable(path)}: ${printable(metainfo.name)}, ${formatSize(layout.totalBytes)} in ${pieces}`,
    `  info hash  ${metainfo.infoHash}`,
    `  magnet     ${magnet}`,
  );
  const { blake3InfoHash } = metainfo;
  const hashes = [...metainfo.digests.keys()];
  return {
    path: resolve(path),
    ...identityFields(metainfo),
    blake3InfoHash,
    magnet,
    ...sizeFields(metainfo),
    hashes,
    notes,
  };
}
