/** Help texts: oclif's for a command, our own overview for `p2p` alone. */
import type { Command } from '@oclif/core/command';
import type { Config } from '@oclif/core/config';
import { CommandHelp, Help } from '@oclif/core/help';
import { padText } from './display-width.js';

/** Commands of the overview, in the order in which a newcomer needs them. */
const GROUPS: readonly { readonly title: string; readonly ids: readonly string[] }[] = [
  { title: 'SHARE FILES', ids: ['peer:seed', 'peer:download', 'list', 'tracker:start'] },
  { title: 'SEE HOW IT GOES', ids: ['status', 'peer:resume', 'peer:remove'] },
  { title: 'WORK WITH TORRENTS', ids: ['create', 'show', 'magnet', 'verify'] },
  { title: 'AND', ids: ['dht:start', 'hashes', 'peer', 'plugins'] },
];

const EXAMPLES: readonly (readonly [command: string, what: string])[] = [
  ['p2p tracker start', 'a meeting point, on one machine'],
  ['p2p peer seed story.txt', 'offer a file; prints what others type'],
  ['p2p peer download story.txt -i HOST', 'fetch it, on as many machines as you like'],
];

/** A command's help: a short usage line, and the flags that every command has behind its own. */
class P2pCommandHelp extends CommandHelp {
  protected override defaultUsage(): string {
    const args = Object.values(this.command.args).map(({ name, required, multiple }) => {
      const word = `${name.toUpperCase()}${multiple === true ? '...' : ''}`;
      return required === true ? word : `[${word}]`;
    });
    return [this.command.id, ...args, '[FLAGS]'].join(' ');
  }

  protected override description(): string | undefined {
    const { description } = this.command;
    return description === undefined ? undefined : this.wrap(description);
  }

  protected override groupFlags(flags: Command.Flag.Any[]): {
    flagGroups: Record<string, Command.Flag.Any[]>;
    mainFlags: Command.Flag.Any[];
  } {
    const { flagGroups, mainFlags } = super.groupFlags(flags);
    const { GLOBAL: globalFlags = [], ...groups } = flagGroups;
    return { mainFlags, flagGroups: { ...groups, GLOBAL: globalFlags } };
  }
}

export class P2pHelp extends Help {
  protected override CommandHelpClass = P2pCommandHelp;
  readonly #write: (text: string) => void;

  /** @param write takes each part of the text, without its last line end */
  constructor(config: Config, write: (text: string) => void) {
    super(config, { maxWidth: 120 });
    this.#write = write;
  }

  protected override log(...parts: string[]): void {
    this.#write(parts.join(' '));
  }

  protected override async showRootHelp(): Promise<void> {
    this.#write(renderOverview(this.config));
  }
}

/** The overview: groups of commands with their summaries, three examples, where to read on. */
export function renderOverview(config: Pick<Config, 'version' | 'commands' | 'topics'>): string {
  const summaries = new Map<string, string>();
  for (const { name, description } of config.topics) summaries.set(name, description ?? '');
  for (const { id, summary } of config.commands) if (summary !== undefined) summaries.set(id, summary);
  const width = 18;
  const groups = GROUPS.map(({ title, ids }) =>
    [
      title,
      ...ids.map((id) => `  p2p ${padText(id.replaceAll(':', ' '), width)}${summaries.get(id) ?? ''}`.trimEnd()),
    ].join('\n'),
  );
  const examples = EXAMPLES.map(([command, what]) => `  $ ${padText(command, 38)}${what}`);
  return [
    `p2p ${config.version}: share files from machine to machine, every piece checked.`,
    ...groups,
    ['TRY', ...examples].join('\n'),
    `p2p COMMAND --help explains a command; every command takes --json. p2p --version tells the version.\n`,
  ].join('\n\n');
}
