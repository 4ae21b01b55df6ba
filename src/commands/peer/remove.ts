/** `p2p peer remove`: forgets a transfer. */
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { BaseCommand, type ResultFields } from '../../cli/base-command.js';
import { stateFlags } from '../../cli/flags.js';
import { removeTransfer } from '../../cli/remove-session.js';

export class PeerRemove extends BaseCommand {
  static override summary = 'Forget a transfer, and its data if you say so.';

  static override description = `Takes a transfer off the list of "p2p status". What it wrote stays where it is, unless --with-data is given, which a download alone allows: files that you seeded are yours.`;

  static override examples = [
    { description: 'Forget it, keep the file.', command: '<%= config.bin %> <%= command.id %> story.txt' },
    {
      description: 'Forget an unfinished download and what came of it.',
      command: '<%= config.bin %> <%= command.id %> story.txt --with-data',
    },
  ];

  static override args = {
    target: Args.string({
      description: 'A name, path, or info hash (six digits will do).',
      required: true,
      ignoreStdin: true,
    }),
  };

  static override flags = {
    'with-data': Flags.boolean({ description: 'Take away what the download wrote, too.' }),
    ...stateFlags,
  };

  override async run(): Promise<ResultFields> {
    const { args, flags } = await this.parse(PeerRemove);
    const stateDir = flags.state ?? this.config.dataDir;
    return await removeTransfer(this.output, { stateDir, target: args.target, withData: flags['with-data'] });
  }
}
