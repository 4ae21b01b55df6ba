/** `p2p tracker start`: the meeting point of peers. */
import * as Flags from '@oclif/core/flags';
import { BaseCommand, type ResultFields } from '../../cli/base-command.js';
import { integerFlag, readToken, stateFlags, tokenFlag } from '../../cli/flags.js';
import { runTracker } from '../../cli/tracker-session.js';
import { defined } from '../../cli/defined.js';
import { OPTIONS } from '../../options.js';

export class TrackerStart extends BaseCommand {
  static override summary = 'Run a tracker, where peers find one another.';

  static override description = `Any BitTorrent client can announce to it, over HTTP or UDP on one port number. It also keeps a catalogue, so that our peers fetch files by their names alone. It runs until Ctrl-C or SIGTERM. /api/stats and /metrics tell how it does.`;

  static override examples = [
    {
      description: 'On port 9999, for everybody who reaches this machine.',
      command: '<%= config.bin %> <%= command.id %>',
    },
    {
      description: 'On this machine alone, any free port, told as JSON.',
      command: '<%= config.bin %> <%= command.id %> --host 127.0.0.1 --port 0 --json',
    },
    {
      description: 'Only who knows the secret in the file may publish.',
      command: '<%= config.bin %> <%= command.id %> --token secret.txt',
    },
  ];

  static override flags = {
    host: Flags.string({ description: 'Local address to listen on [default: all].', helpValue: 'ADDRESS' }),
    port: integerFlag('trackerPort', { char: 'p', description: 'Port to listen on; 0 takes any free one.' }),
    udp: Flags.boolean({ description: 'Answer over UDP too, on the same port number.', allowNo: true, default: true }),
    token: tokenFlag('File with a secret that publishing then needs; P2P_TOKEN may hold the secret itself.'),
    ...stateFlags,
  };

  override async run(): Promise<ResultFields> {
    const { flags } = await this.parse(TrackerStart);
    return await runTracker(this.output, {
      port: flags.port ?? OPTIONS.trackerPort.default,
      udp: flags.udp,
      stateDir: flags.state ?? this.config.dataDir,
      ...defined({ host: flags.host, token: readToken(flags.token) }),
    });
  }
}
