/** `p2p status`: how the transfers of this machine stand. */
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { BaseCommand, type ResultFields } from '../cli/base-command.js';
import { stateFlags } from '../cli/flags.js';
import { showStatus } from '../cli/status-session.js';

export class Status extends BaseCommand {
  static override summary = 'Show how the transfers of this machine stand.';

  static override description = `Lists every transfer that this state folder knows, whichever process works on it: how far it is, how fast, with how many peers, and what an unfinished one waits for. With TARGET it shows pieces, peers and trackers of that one.`;

  static override examples = [
    { description: 'All of them.', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'Again every second, until Ctrl-C.', command: '<%= config.bin %> <%= command.id %> --watch' },
    { description: 'One of them, in full.', command: '<%= config.bin %> <%= command.id %> story.txt' },
  ];

  static override args = {
    target: Args.string({ description: 'A name, path, or info hash (six digits will do).', ignoreStdin: true }),
  };

  static override flags = {
    watch: Flags.boolean({ char: 'w', description: 'Show it again every second, until Ctrl-C.' }),
    ...stateFlags,
  };

  override async run(): Promise<ResultFields> {
    const { args, flags } = await this.parse(Status);
    const stateDir = flags.state ?? this.config.dataDir;
    return await showStatus(this.output, { stateDir, target: args.target, watch: flags.watch });
  }
}
