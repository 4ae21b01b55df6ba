/** What all commands share: global flags, output, and errors that are left to `main`, which words them all alike. */
import { Command } from '@oclif/core/command';
import type { Config } from '@oclif/core/config';
import { hasFlag } from './argv.js';
import { globalFlags } from './flags.js';
import { Output } from './output.js';

/** The fields of a command's last JSON line, beside `type` and `version`. */
export type ResultFields = Readonly<Record<string, unknown>>;

/**
 * oclif's own `--json` ends every failed command with exit 1 and prints its configuration; so `enableJsonFlag` stays off
 * here, `--json` is a flag of ours, and `run()` returns what the `result` line says.
 */
export abstract class BaseCommand extends Command {
  static override baseFlags = globalFlags;
  static override enableJsonFlag = false;

  readonly output: Output;

  constructor(argv: string[], config: Config, output: Output = new Output(hasFlag(argv, '--json'))) {
    super(argv, config);
    this.output = output;
  }

  /** @returns the fields of the `result` line */
  abstract override run(): Promise<ResultFields>;

  /** Runs it, errors thrown on. */
  async execute(): Promise<ResultFields> {
    return await this._run<ResultFields>();
  }

  /** Errors are worded, and turned into exit codes, in one place: `failure.ts`. */
  protected override catch(error: Error): Promise<never> {
    return Promise.reject(error);
  }
}

/** A concrete command, as `main` makes it. */
export type CommandClass = (new (argv: string[], config: Config, output?: Output) => BaseCommand) & {
  readonly id: string;
};
