/** `p2p show`: what a torrent holds. */
import * as Flags from '@oclif/core/flags';
import { announceUrls } from '../cli/announce-urls.js';
import { BaseCommand, type ResultFields } from '../cli/base-command.js';
import { engineConfig } from '../cli/engine-config.js';
import { withEngineUntilStopped } from '../cli/engine-session.js';
import { hashingFlags, stateFlags, targetArg, trackerFlags } from '../cli/flags.js';
import { metainfoFields } from '../cli/json-fields.js';
import { magnetOf, trackersOf } from '../cli/magnet-of.js';
import { magnetSwarm, renderScrapes, scrapeFields, scrapeSwarm, type MagnetSwarm } from '../cli/scrape-table.js';
import { renderTorrentCard } from '../cli/torrent-card.js';
import { chooseFiles } from '../engine/file-selection.js';
import type { EngineApi } from '../engine/engine-types.js';

export class Show extends BaseCommand {
  static override summary = 'Show what a torrent holds.';

  static override description =
    'Name, size, pieces, hashes, trackers and files of a torrent. Nothing is downloaded but its metainfo; of a magnet link with --scrape not even that.';

  static override examples = [
    { description: 'A .torrent file.', command: '<%= config.bin %> <%= command.id %> story.txt.torrent' },
    {
      description: `A name in the tracker's catalogue.`,
      command: '<%= config.bin %> <%= command.id %> story.txt -i 192.168.1.5',
    },
    {
      description: 'How many seed it and load it, tracker by tracker.',
      command: '<%= config.bin %> <%= command.id %> --scrape story.txt.torrent',
    },
  ];

  static override args = { target: targetArg() };

  static override flags = {
    files: Flags.boolean({ description: 'List all files, however many.' }),
    scrape: Flags.boolean({ description: 'Ask each tracker how many peers there are (BEP 48).' }),
    ...trackerFlags,
    ...hashingFlags,
    ...stateFlags,
  };

  override async run(): Promise<ResultFields> {
    const { args, flags } = await this.parse(Show);
    const query = { target: args.target, trackers: announceUrls(flags) };
    const config = await engineConfig(flags, this.config.dataDir);
    return await withEngineUntilStopped(this.output, config, async (engine) => {
      const swarm = flags.scrape ? magnetSwarm(query.target, query.trackers) : undefined;
      if (swarm) return { ...swarm, name: swarm.name ?? null, ...(await this.#scrape(engine, swarm)) };
      const target = await engine.resolve(query);
      const { metainfo } = target;
      const trackers = trackersOf(target, query);
      const magnet = magnetOf(target, trackers);
      const chosen = target.files && chooseFiles(metainfo, target.files);
      const card = { trackers, magnet, allFiles: flags.files, chosen };
      this.output.text(...renderTorrentCard(metainfo, card, this.output.style));
      const shown = { ...metainfoFields(metainfo, chosen), magnet };
      if (!flags.scrape) return shown;
      this.output.text('');
      return { ...shown, ...(await this.#scrape(engine, { infoHash: metainfo.infoHash, trackers })) };
    });
  }

  async #scrape(engine: EngineApi, swarm: Pick<MagnetSwarm, 'infoHash' | 'trackers'>): Promise<ResultFields> {
    const scrapes = await scrapeSwarm(engine, swarm);
    const { terminal, style } = this.output;
    this.output.text(...renderScrapes(scrapes, terminal.isInteractive ? terminal.columns : Infinity, style));
    return { scrape: scrapeFields(scrapes) };
  }
}
