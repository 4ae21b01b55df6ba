/** From the first words of a command line to a command. */
import { OptionError } from '../errors.js';
import { closest } from './edit-distance.js';
import { printable } from './printable.js';

/** What the first words name: a command, or a topic such as `tracker` that only groups commands. */
export type CommandLookup =
  | { readonly type: 'command'; readonly id: string; readonly rest: readonly string[] }
  | { readonly type: 'topic'; readonly id: string };

/**
 * The command with the longest id that the words begin with.
 * @param ids of all commands, words joined by `:` as oclif does
 * @returns undefined when no command and no topic begins like this
 */
export function findCommand(argv: readonly string[], ids: readonly string[]): CommandLookup | undefined {
  const flagAt = argv.findIndex((word) => word.startsWith('-'));
  const words = flagAt === -1 ? argv : argv.slice(0, flagAt);
  for (let length = words.length; length > 0; length -= 1) {
    const id = words.slice(0, length).join(':');
    const groupsCommands = ids.some((other) => other.startsWith(`${id}:`));
    if (ids.includes(id)) {
      // `p2p peer sed` is a slip in `p2p peer seed`, not a word for `p2p peer`, which takes none.
      if (groupsCommands && length < words.length) return undefined;
      return { type: 'command', id, rest: argv.slice(length) };
    }
    if (groupsCommands && length === words.length) return { type: 'topic', id };
  }
  return undefined;
}

/** The error for words that name no command, with the command that was probably meant. */
export function unknownCommand(argv: readonly string[], ids: readonly string[]): OptionError {
  const flagAt = argv.findIndex((word) => word.startsWith('-'));
  const words = (flagAt === -1 ? argv : argv.slice(0, flagAt)).slice(0, 2);
  if (words.length === 0) {
    const flag = printable(argv[0] ?? '');
    const message = `'${flag}' needs a command before it, such as 'p2p list ${flag}'. 'p2p --help' lists all commands.`;
    return new OptionError(message, { command: '' }, 'P2P_UNKNOWN_COMMAND');
  }
  const names = ids.map((id) => id.replaceAll(':', ' '));
  const lastWord = (name: string): string => name.split(' ').at(-1) ?? name;
  const meant = closest(words.join(' '), names) ?? closest(words[0] ?? '', names, (name) => [name, lastWord(name)]);
  const typed = printable(knownPart(words, names).join(' '));
  const hint = meant === undefined ? `'p2p --help' lists all commands.` : `Did you mean 'p2p ${meant}'?`;
  const suggestion = meant === undefined ? {} : { suggestion: meant };
  return new OptionError(
    `there is no command '${typed}'. ${hint}`,
    { command: typed, ...suggestion },
    'P2P_UNKNOWN_COMMAND',
  );
}

/** The words up to and with the first that leads nowhere. */
function knownPart(words: readonly string[], names: readonly string[]): readonly string[] {
  const [first = ''] = words;
  return names.some((name) => name.startsWith(`${first} `)) ? words : [first];
}
