/** Command lines that we print for people to copy. */

const PLAIN_WORD = /^[\p{Letter}\p{Number}_@%+=:,./-]+$/u;

/**
 * A word as it has to be typed in a shell: quoted when it holds anything a shell would read.
 * @param platform decides the quoting: double quotes on Windows, single quotes elsewhere
 */
export function shellWord(word: string, platform: NodeJS.Platform = process.platform): string {
  if (PLAIN_WORD.test(word)) return word;
  return platform === 'win32' ? `"${word.replaceAll('"', '""')}"` : `'${word.replaceAll("'", `'\\''`)}'`;
}
