/** `p2p peer download`: fetches files from everybody who has them. */
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { announceUrls } from '../../cli/announce-urls.js';
import { BaseCommand, type ResultFields } from '../../cli/base-command.js';
import { downloadRequests } from '../../cli/download-requests.js';
import { downloadAll } from '../../cli/download-session.js';
import { engineConfig } from '../../cli/engine-config.js';
import {
  downloadLimitFlags,
  filesFlag,
  hostPortFlag,
  parseOutputPath,
  peerFlags,
  seedLimitFlags,
  sequentialFlag,
  stateFlags,
  TARGET_DESCRIPTION,
  timeoutFlag,
  trackerFlags,
  verifyingFlags,
} from '../../cli/flags.js';

export class PeerDownload extends BaseCommand {
  static override summary = 'Fetch files from everybody who has them.';

  static override description = `Every piece is checked before it is kept and offered on to others. A download is written as NAME.part and gets its name when complete. Run again, it goes on where it was, even after a crash.

While it runs in a terminal, type prog, peers, help or exit.`;

  static override examples = [
    {
      description: 'By name, from the tracker on this machine, into ./output.',
      command: '<%= config.bin %> <%= command.id %> story.txt',
    },
    {
      description: 'From the tracker on another machine, into another folder.',
      command: '<%= config.bin %> <%= command.id %> story.txt -i 192.168.1.5 -o ~/Downloads',
    },
    {
      description: 'By a .torrent file, and go on seeding when complete.',
      command: '<%= config.bin %> <%= command.id %> story.txt.torrent --seed',
    },
    {
      description: 'Of a folder, the music and the first two files that "p2p show" lists.',
      command: "<%= config.bin %> <%= command.id %> holiday --files '*.flac' --files 0,1",
    },
    {
      description: 'Give up after a minute without a new piece (exit code 4).',
      command: '<%= config.bin %> <%= command.id %> story.txt --timeout 1m',
    },
  ];

  static override args = {
    target: Args.string({ description: TARGET_DESCRIPTION, required: true, multiple: true, ignoreStdin: true }),
  };

  static override flags = {
    output: Flags.string({
      char: 'o',
      description: 'Folder for the file; made when it is not there.',
      default: 'output',
      parse: parseOutputPath,
      helpValue: 'DIR',
    }),
    files: filesFlag,
    sequential: sequentialFlag,
    seed: Flags.boolean({ description: 'Go on seeding when complete, until Ctrl-C.' }),
    timeout: timeoutFlag,
    peer: hostPortFlag('Peer to dial, besides those that are found; may be given several times.'),
    force: Flags.boolean({ description: 'Replace a different file or folder of that name.' }),
    ...trackerFlags,
    ...peerFlags,
    ...seedLimitFlags,
    ...downloadLimitFlags,
    ...verifyingFlags,
    ...stateFlags,
  };

  override async run(): Promise<ResultFields> {
    const { args, flags } = await this.parse(PeerDownload);
    const config = await engineConfig(flags, this.config.dataDir);
    return await downloadAll(this.output, config, downloadRequests(args.target, flags, announceUrls(flags)));
  }
}
