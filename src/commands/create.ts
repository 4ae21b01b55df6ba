/** `p2p create`: a .torrent file of a file or folder. */
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { announceUrls } from '../cli/announce-urls.js';
import { BaseCommand, type ResultFields } from '../cli/base-command.js';
import { createTorrentFile } from '../cli/create-session.js';
import { engineConfig } from '../cli/engine-config.js';
import { hashingFlags, parseOutputPath, stateFlags, torrentFlags, trackerFlags } from '../cli/flags.js';

export class Create extends BaseCommand {
  static override summary = 'Make a .torrent file of a file or folder.';

  static override description = `By default the torrent is dual-hash: any BitTorrent client can read it, and our peers check pieces with BLAKE3. With --hash blake3 it is for our peers alone, and the fastest to make.`;

  static override examples = [
    { description: 'Writes ./story.txt.torrent.', command: '<%= config.bin %> <%= command.id %> story.txt' },
    {
      description: 'Name, tracker and piece length chosen.',
      command: '<%= config.bin %> <%= command.id %> photos -o holiday.torrent -i 192.168.1.5 --piece-length 1M',
    },
    {
      description: 'For a file that a web server holds too.',
      command: '<%= config.bin %> <%= command.id %> story.txt --web-seed https://example.org/files/',
    },
    { description: 'BLAKE3 alone.', command: '<%= config.bin %> <%= command.id %> story.txt --hash blake3' },
  ];

  static override args = {
    path: Args.string({ description: 'File or folder.', required: true, ignoreStdin: true }),
  };

  static override flags = {
    output: Flags.string({
      char: 'o',
      description: 'The .torrent file to write [default: NAME.torrent in this folder].',
      helpValue: 'FILE',
      parse: parseOutputPath,
    }),
    force: Flags.boolean({ description: 'Replace a .torrent file that is there.' }),
    private: Flags.boolean({
      description: 'Peers may find one another through the trackers alone (BEP 27).',
      helpGroup: 'TORRENT',
    }),
    'web-seed': Flags.string({
      description: 'URL where a server holds the same file, or the folder around it; may be given several times.',
      helpValue: 'URL',
      helpGroup: 'TORRENT',
      multiple: true,
      multipleNonGreedy: true,
    }),
    'pad-files': Flags.boolean({
      description: 'Begin each file of a folder on the border of a piece, with padding that is never written (BEP 47).',
      helpGroup: 'TORRENT',
    }),
    attributes: Flags.boolean({
      description: 'Write down which files are executable (BEP 47); downloads make them so.',
      helpGroup: 'TORRENT',
    }),
    comment: Flags.string({ description: 'A comment for people.', helpValue: 'TEXT', helpGroup: 'TORRENT' }),
    ...torrentFlags,
    ...trackerFlags,
    ...hashingFlags,
    ...stateFlags,
  };

  override async run(): Promise<ResultFields> {
    const { args, flags } = await this.parse(Create);
    const config = await engineConfig(flags, this.config.dataDir);
    return await createTorrentFile(this.output, config, { ...flags, path: args.path, trackers: announceUrls(flags) });
  }
}
