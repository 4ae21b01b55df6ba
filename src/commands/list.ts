/** `p2p list`: what the trackers' catalogues hold. */
import { announceUrls, DEFAULT_ANNOUNCE_URL } from '../cli/announce-urls.js';
import { BaseCommand, type ResultFields } from '../cli/base-command.js';
import { renderCatalogue } from '../cli/catalogue-table.js';
import { engineConfig } from '../cli/engine-config.js';
import { withEngineUntilStopped } from '../cli/engine-session.js';
import { stateFlags, trackerFlags } from '../cli/flags.js';

export class List extends BaseCommand {
  static override summary = `Show what the tracker's catalogue holds.`;

  static override description = 'Newest first. Whatever is listed can be fetched by its name with "p2p peer download".';

  static override examples = [
    { description: 'Ask the tracker on this machine.', command: '<%= config.bin %> <%= command.id %>' },
    { description: 'Ask the tracker on another one.', command: '<%= config.bin %> <%= command.id %> -i 192.168.1.5' },
  ];

  static override flags = { ...trackerFlags, ...stateFlags };

  override async run(): Promise<ResultFields> {
    const { flags } = await this.parse(List);
    const given = announceUrls(flags);
    const trackers = given.length === 0 ? [DEFAULT_ANNOUNCE_URL] : given;
    const config = await engineConfig(flags, this.config.dataDir);
    const torrents = await withEngineUntilStopped(this.output, config, (engine) => engine.catalogue(trackers));
    const { terminal, style } = this.output;
    // Into a pipe or a file goes all of it: names and hashes are there to be copied.
    const columns = terminal.isInteractive ? terminal.columns : Infinity;
    if (torrents.length > 0) this.output.text(...renderCatalogue(torrents, columns, style));
    else this.output.text('Nothing is published yet: p2p peer seed PATH does.');
    return { torrents };
  }
}
