/** `p2p peer resume`: takes up what was interrupted. */
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { announceUrls } from '../../cli/announce-urls.js';
import { BaseCommand, type ResultFields } from '../../cli/base-command.js';
import { seedsAfter } from '../../cli/download-requests.js';
import { engineConfig } from '../../cli/engine-config.js';
import {
  downloadLimitFlags,
  peerFlags,
  publishFlags,
  seedLimitFlags,
  sequentialFlag,
  stateFlags,
  timeoutFlag,
  verifyingFlags,
} from '../../cli/flags.js';
import { resumeTransfers } from '../../cli/resume-session.js';

export class PeerResume extends BaseCommand {
  static override summary = 'Take up what was interrupted.';

  static override description = `Goes on with every unfinished download of this machine, or with those that are named, each in its folder. It needs neither the .torrent file nor the catalogue: what it has to know was written down at the start. Nothing that came is fetched again. A name may also be that of a seed, which is served again. With --all everything that no process works on is taken up: unfinished downloads are fetched, the rest is seeded until Ctrl-C.`;

  static override examples = [
    { description: 'Every unfinished download.', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'One of them.', command: '<%= config.bin %> <%= command.id %> story.txt' },
    {
      description: 'After a reboot: downloads go on, and all that was seeded is seeded again.',
      command: '<%= config.bin %> <%= command.id %> --all',
    },
  ];

  static override args = {
    target: Args.string({
      description: 'A name, path, or info hash (six digits will do), as "p2p status" shows them.',
      multiple: true,
      ignoreStdin: true,
    }),
  };

  static override flags = {
    all: Flags.boolean({ description: 'Also seed what is complete.' }),
    seed: Flags.boolean({ description: 'Go on seeding when complete, until Ctrl-C.' }),
    timeout: timeoutFlag,
    sequential: sequentialFlag,
    ...publishFlags,
    ...peerFlags,
    ...seedLimitFlags,
    ...downloadLimitFlags,
    ...verifyingFlags,
    ...stateFlags,
  };

  override async run(): Promise<ResultFields> {
    const { args, flags } = await this.parse(PeerResume);
    const config = await engineConfig(flags, this.config.dataDir);
    const { all, timeout, sequential } = flags;
    const settings = {
      ...{
        targets: args.target ?? [],
        all,
        seed: seedsAfter(flags),
        timeoutMs: timeout,
        trackers: announceUrls(flags),
      },
      ...{ sequential, seedRatio: flags['seed-ratio'], seedTimeMs: flags['seed-time'] },
    };
    return await resumeTransfers(this.output, config, settings);
  }
}
