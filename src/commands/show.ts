/** `p2p show`: what a torrent holds. */
import { Flags } from '@oclif/core';
import { announceUrls } from '../cli/announce-urls.js';
import { BaseCommand, type ResultFields } from '../cli/base-command.js';
import { engineConfig } from '../cli/engine-config.js';
import { withEngineUntilStopped } from '../cli/engine-session.js';
import { hashingFlags, stateFlags, targetArg, trackerFlags } from '../cli/flags.js';
import { metainfoFields } from '../cli/json-fields.js';
import { magnetOf, trackersOf } from '../cli/magnet-of.js';
import { renderTorrentCard } from '../cli/torrent-card.js';
import { chooseFiles } from '../engine/file-selection.js';

export class Show extends BaseCommand {
  static override summary = 'Show what a torrent holds.';

  static override description =
    'Name, size, pieces, hashes, trackers and files of a torrent. Nothing is downloaded but its metainfo.';

  static override examples = [
    { description: 'A .torrent file.', command: '<%= config.bin %> <%= command.id %> story.txt.torrent' },
    {
      description: `A name in the tracker's catalogue.`,
      command: '<%= config.bin %> <%= command.id %> story.txt -i 192.168.1.5',
    },
  ];

  static override args = { target: targetArg() };

  static override flags = {
    files: Flags.boolean({ description: 'List all files, however many.' }),
    ...trackerFlags,
    ...hashingFlags,
    ...stateFlags,
  };

  override async run(): Promise<ResultFields> {
    const { args, flags } = await this.parse(Show);
    const query = { target: args.target, trackers: announceUrls(flags) };
    const config = await engineConfig(flags, this.config.dataDir);
    const target = await withEngineUntilStopped(this.output, config, (engine) => engine.resolve(query));
    const trackers = trackersOf(target, query);
    const magnet = magnetOf(target, trackers);
    const chosen = target.files && chooseFiles(target.metainfo, target.files);
    const card = { trackers, magnet, allFiles: flags.files, chosen };
    this.output.text(...renderTorrentCard(target.metainfo, card, this.output.style));
    return { ...metainfoFields(target.metainfo, chosen), magnet };
  }
}
