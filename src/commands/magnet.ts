/** `p2p magnet`: the magnet link of a torrent. */
import { announceUrls } from '../cli/announce-urls.js';
import { BaseCommand, type ResultFields } from '../cli/base-command.js';
import { engineConfig } from '../cli/engine-config.js';
import { withEngineUntilStopped } from '../cli/engine-session.js';
import { hashingFlags, stateFlags, targetArg, trackerFlags } from '../cli/flags.js';
import { magnetOf, trackersOf } from '../cli/magnet-of.js';

export class Magnet extends BaseCommand {
  static override summary = 'Print the magnet link of a torrent.';

  static override description = 'The link alone goes to stdout, so that it can be piped on.';

  static override examples = [
    { description: 'Of a .torrent file.', command: '<%= config.bin %> <%= command.id %> story.txt.torrent' },
    {
      description: 'With a tracker added.',
      command: '<%= config.bin %> <%= command.id %> story.txt.torrent -i 192.168.1.5',
    },
  ];

  static override args = { target: targetArg() };

  static override flags = { ...trackerFlags, ...hashingFlags, ...stateFlags };

  override async run(): Promise<ResultFields> {
    const { args, flags } = await this.parse(Magnet);
    const query = { target: args.target, trackers: announceUrls(flags) };
    const config = await engineConfig(flags, this.config.dataDir);
    const target = await withEngineUntilStopped(this.output, config, (engine) => engine.resolve(query));
    const magnet = magnetOf(target, trackersOf(target, query));
    this.output.text(magnet);
    return { magnet };
  }
}
