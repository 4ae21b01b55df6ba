/** `p2p peer -i HOST ...`: the old command line, on the same paths as `peer seed` and `peer download`. */
import * as Flags from '@oclif/core/flags';
import { announceUrls } from '../cli/announce-urls.js';
import { BaseCommand, type ResultFields } from '../cli/base-command.js';
import { downloadRequests } from '../cli/download-requests.js';
import { downloadAll } from '../cli/download-session.js';
import { engineConfig } from '../cli/engine-config.js';
import { maskFlags, peerFlags, stateFlags, timeoutFlag, trackerFlags } from '../cli/flags.js';
import { inputPath } from '../cli/input-folder.js';
import { seedRequests } from '../cli/seed-requests.js';
import { seedUntilStopped } from '../cli/seed-session.js';
import { OptionError } from '../errors.js';

export class Peer extends BaseCommand {
  static override summary = 'Seed or download in one command of few letters.';

  static override description = `With -S it seeds the file that -f names, or all of ./input; without it downloads NAME into ./output. "p2p peer seed" and "p2p peer download" do the same and more. While it runs in a terminal, type prog, peers, help or exit.`;

  static override examples = [
    {
      description: 'Seed ./input/story.txt without pieces 20 and 30.',
      command: '<%= config.bin %> <%= command.id %> -i 192.168.1.5 -S -f story.txt -m 20 30',
    },
    {
      description: 'Seed the first half of it, on another port.',
      command: '<%= config.bin %> <%= command.id %> -i 192.168.1.5 -S -p 9001 -f story.txt -r1 0 -r2 0.5',
    },
    { description: 'Download it.', command: '<%= config.bin %> <%= command.id %> -i 192.168.1.5 -f story.txt' },
  ];

  static override flags = {
    seed: Flags.boolean({ char: 'S', description: 'Seed; without it, download.' }),
    file: Flags.string({ char: 'f', description: 'What to seed or download.', helpValue: 'NAME' }),
    timeout: timeoutFlag,
    ...trackerFlags,
    port: peerFlags.port,
    lsd: peerFlags.lsd,
    dht: peerFlags.dht,
    'dht-bootstrap': peerFlags['dht-bootstrap'],
    'upload-limit': peerFlags['upload-limit'],
    ...maskFlags,
    ...stateFlags,
  };

  override async run(): Promise<ResultFields> {
    const { flags } = await this.parse(Peer);
    const trackers = announceUrls(flags);
    const config = await engineConfig(flags, this.config.dataDir);
    if (flags.seed) {
      const paths = flags.file === undefined ? [] : [await inputPath(flags.file)];
      const note = (text: string): void => this.output.note(text);
      return await seedUntilStopped(this.output, config, await seedRequests(paths, flags, trackers, note));
    }
    if (flags.file === undefined)
      throw new OptionError('-f NAME says what to download; -S seeds instead', {}, 'P2P_USAGE');
    const { timeout, missing, from, to } = flags;
    if (missing !== undefined || from !== undefined || to !== undefined) {
      throw new OptionError('-m, -r1 and -r2 say what a seeder does not offer: they go with -S', {}, 'P2P_USAGE');
    }
    return await downloadAll(
      this.output,
      config,
      downloadRequests([flags.file], { output: 'output', timeout }, trackers),
    );
  }
}
