/** `p2p peer seed`: offers files and folders to others. */
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { announceUrls } from '../../cli/announce-urls.js';
import { BaseCommand, type ResultFields } from '../../cli/base-command.js';
import { engineConfig } from '../../cli/engine-config.js';
import {
  maskFlags,
  peerFlags,
  publishFlags,
  seedLimitFlags,
  stateFlags,
  torrentFlags,
  verifyingFlags,
} from '../../cli/flags.js';
import { seedRequests } from '../../cli/seed-requests.js';
import { seedUntilStopped } from '../../cli/seed-session.js';

export class PeerSeed extends BaseCommand {
  static override summary = 'Offer files and folders to others.';

  static override description = `Each PATH becomes a torrent of its own, is published to the tracker's catalogue so that others can fetch it by its name, and is served until Ctrl-C. Without a PATH, everything in ./input is offered, one torrent each, but hidden files and unfinished downloads (.part).

With --torrent, PATH is served as that torrent: what is there is verified first, and what is missing or wrong is not offered.

While it runs in a terminal, type prog, peers, help or exit.`;

  static override examples = [
    {
      description: 'Offer one file through the tracker on this machine.',
      command: '<%= config.bin %> <%= command.id %> story.txt',
    },
    {
      description: 'Everything in ./input, through the tracker on another machine.',
      command: '<%= config.bin %> <%= command.id %> -i 192.168.1.5',
    },
    {
      description: 'Pretend not to have some pieces.',
      command: '<%= config.bin %> <%= command.id %> --missing 1 2 10-19 story.txt',
    },
    {
      description: 'At most 10 MiB a second, on a port of your choice.',
      command: '<%= config.bin %> <%= command.id %> --upload-limit 10M -p 9100 story.txt',
    },
    {
      description: 'Serve files as a torrent that exists already.',
      command: '<%= config.bin %> <%= command.id %> --torrent story.txt.torrent story.txt',
    },
  ];

  static override args = {
    path: Args.string({
      description: 'File or folder; several may be given [default: each file and folder in ./input].',
      multiple: true,
      ignoreStdin: true,
    }),
  };

  static override flags = {
    ...publishFlags,
    ...peerFlags,
    ...seedLimitFlags,
    ...torrentFlags,
    torrent: Flags.string({
      description: 'Serve PATH as this .torrent file.',
      helpValue: 'FILE',
      helpGroup: 'TORRENT',
    }),
    trust: Flags.boolean({
      description: 'With --torrent: believe that all of PATH is there and right.',
      helpGroup: 'TORRENT',
    }),
    ...maskFlags,
    ...verifyingFlags,
    ...stateFlags,
  };

  override async run(): Promise<ResultFields> {
    const { args, flags } = await this.parse(PeerSeed);
    const note = (text: string): void => this.output.note(text);
    const requests = await seedRequests(args.path ?? [], flags, announceUrls(flags), note);
    const config = await engineConfig(flags, this.config.dataDir);
    return await seedUntilStopped(this.output, config, requests);
  }
}
