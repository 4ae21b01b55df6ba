/** What oclif cannot read of our command line is rewritten before oclif sees it. */

const PIECES = /^\d+(?:-\d+)?$/;
const TWO_LETTER_FLAGS: ReadonlyMap<string, string> = new Map([
  ['-r1', '--from'],
  ['-r2', '--to'],
]);

/**
 * Argument words as oclif can parse them:
 * - `-r1 F` and `-r2 F` become `--from F` and `--to F` (oclif knows one-letter flags only);
 * - `--missing 1 2 5-7 story.txt` becomes `--missing=1 --missing=2 --missing=5-7 story.txt`: the flag takes following
 *   words only while they are piece numbers (oclif would take `story.txt` too, or only the `1`).
 * Words after `--` are left alone.
 */
export function normaliseArgv(argv: readonly string[]): string[] {
  const words: string[] = [];
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (word === '--') return [...words, ...argv.slice(index)];
    if (word !== '--missing' && word !== '-m') {
      words.push(replaceTwoLetterFlag(word));
      continue;
    }
    const pieces = takePieces(argv, index + 1);
    if (pieces.length === 0) words.push('--missing');
    words.push(...pieces.map((piece) => `--missing=${piece}`));
    index += pieces.length;
  }
  return words;
}

/** Whether a flag stands among the words before `--`. */
export function hasFlag(argv: readonly string[], ...names: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end === -1 ? argv : argv.slice(0, end)).some((word) => names.includes(word));
}

/** Moves flags that stand before the command behind it, so that `p2p --json list` is `p2p list --json`. */
export function hoistCommand(argv: readonly string[]): string[] {
  const leading = argv.findIndex((word) => word !== '--json');
  return leading <= 0 ? [...argv] : [...argv.slice(leading), ...argv.slice(0, leading)];
}

function takePieces(argv: readonly string[], start: number): readonly string[] {
  let end = start;
  while (PIECES.test(argv[end] ?? '')) end += 1;
  return argv.slice(start, end);
}

function replaceTwoLetterFlag(word: string): string {
  const [flag = '', ...value] = word.split('=');
  const long = TWO_LETTER_FLAGS.get(flag);
  return long === undefined ? word : [long, ...value].join('=');
}
