/** `p2p dht start`: an entry to the DHT of a closed network. */
import * as Flags from '@oclif/core/flags';
import { BaseCommand, type ResultFields } from '../../cli/base-command.js';
import { runDhtNode } from '../../cli/dht-session.js';
import { hostPortFlag, integerFlag, stateFlags } from '../../cli/flags.js';
import { OPTIONS } from '../../options.js';

export class DhtStart extends BaseCommand {
  static override summary = 'Run a DHT node, where peers enter that have no tracker.';

  static override description = `Peers of a closed network that are given this node by --dht-bootstrap find one another without a tracker. It keeps no files and knows no names: others need the .torrent file. It runs until Ctrl-C or SIGTERM.`;

  static override examples = [
    {
      description: 'On UDP port 6881, for everybody who reaches this machine.',
      command: '<%= config.bin %> <%= command.id %>',
    },
    {
      description: 'A second entry that knows the first one.',
      command: '<%= config.bin %> <%= command.id %> --port 6882 --dht-bootstrap 192.168.1.5:6881',
    },
  ];

  static override flags = {
    host: Flags.string({ description: 'Local IPv4 address to listen on [default: all].', helpValue: 'ADDRESS' }),
    port: integerFlag('dhtPort', { char: 'p' }),
    'dht-bootstrap': hostPortFlag('Another node of the same network; may be given several times.', ''),
    ...stateFlags,
  };

  override async run(): Promise<ResultFields> {
    const { flags } = await this.parse(DhtStart);
    return await runDhtNode(this.output, {
      port: flags.port ?? OPTIONS.dhtPort.default,
      host: flags.host,
      bootstrap: flags['dht-bootstrap'] ?? [],
      stateDir: flags.state ?? this.config.dataDir,
    });
  }
}
