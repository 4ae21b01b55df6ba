/** `p2p verify`: whether files are what a torrent says. */
import * as Args from '@oclif/core/args';
import { announceUrls } from '../cli/announce-urls.js';
import { BaseCommand, type ResultFields } from '../cli/base-command.js';
import { engineConfig } from '../cli/engine-config.js';
import { stateFlags, targetArg, trackerFlags, verifyingFlags } from '../cli/flags.js';
import { verifyFiles } from '../cli/verify-session.js';

export class Verify extends BaseCommand {
  static override summary = 'Check files against a torrent.';

  static override description = `Hashes PATH and names each bad piece with the files that it touches. Ends with exit code 5 when anything is wrong.`;

  static override examples = [
    {
      description: 'A file against its .torrent.',
      command: '<%= config.bin %> <%= command.id %> story.txt.torrent output/story.txt',
    },
    {
      description: 'With every hash that the torrent carries.',
      command: '<%= config.bin %> <%= command.id %> story.txt.torrent story.txt --verify-with all',
    },
  ];

  static override args = {
    target: targetArg(),
    path: Args.string({ description: 'The file or folder to check.', required: true, ignoreStdin: true }),
  };

  static override flags = { ...verifyingFlags, ...trackerFlags, ...stateFlags };

  override async run(): Promise<ResultFields> {
    const { args, flags } = await this.parse(Verify);
    const query = { target: args.target, trackers: announceUrls(flags) };
    const config = await engineConfig(flags, this.config.dataDir);
    return { ...(await verifyFiles(this.output, config, query, args.path)), ok: true };
  }
}
