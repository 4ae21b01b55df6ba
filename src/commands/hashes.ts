/** `p2p hashes`: which hash algorithms there are, and how fast. */
import * as Flags from '@oclif/core/flags';
import { BaseCommand, type ResultFields } from '../cli/base-command.js';
import { engineConfig } from '../cli/engine-config.js';
import { withEngineUntilStopped } from '../cli/engine-session.js';
import { hashingFlags, stateFlags } from '../cli/flags.js';
import { renderHashes } from '../cli/hash-table.js';

export class Hashes extends BaseCommand {
  static override summary = 'List hash algorithms and their speed on this machine.';

  static override description = `Built in are blake3, sha1 and sha256; "p2p plugins install" adds more. Of blake3 there are two implementations: native code where it loads, else WebAssembly; P2P_BLAKE3=wasm forces the latter.`;

  static override examples = [
    { description: 'Measure them all.', command: '<%= config.bin %> <%= command.id %>' },
    {
      description: 'Try a plugin before installing it.',
      command: '<%= config.bin %> <%= command.id %> --hash-plugin ./my-hash',
    },
  ];

  static override flags = {
    measure: Flags.boolean({
      description: 'Measure the speed, about a quarter second each.',
      default: true,
      allowNo: true,
    }),
    ...hashingFlags,
    ...stateFlags,
  };

  override async run(): Promise<ResultFields> {
    const { flags } = await this.parse(Hashes);
    const config = await engineConfig(flags, this.config.dataDir);
    const hashes = await withEngineUntilStopped(this.output, config, (engine) => engine.hashes(flags.measure));
    const { terminal, style } = this.output;
    this.output.text(...renderHashes(hashes, terminal.columns, style));
    return { hashes };
  }
}
