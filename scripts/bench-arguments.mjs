/** The command line of `npm run bench`: which benchmarks, and the flags of each. */

/**
 * `transfer --runs 3 swarm --publish` → transfer with `--runs 3`, swarm, and the charts published. A word that is the name
 * of a benchmark begins the next one; where it is meant as the value of a flag, it is written `--flag=value`.
 * @param {readonly string[]} words what was typed
 * @param {readonly string[]} names of all benchmarks
 * @returns {{ wanted: { name: string, flags: string[] }[], publish: boolean, build: boolean, help: boolean, unknown?: string }}
 *   `help` when it was asked for without a name; `unknown` is the first word that should have been a name
 */
export function parseBenchArguments(words, names) {
  const wanted = [];
  let [publish, build, help] = [false, true, false];
  for (const word of words) {
    const current = wanted.at(-1);
    if (word === '--publish') publish = true;
    else if (word === '--no-build') build = false;
    else if (word === 'all' && !current) wanted.push(...names.map((name) => ({ name, flags: [] })));
    else if (names.includes(word)) wanted.push({ name: word, flags: [] });
    else if (current) current.flags.push(word);
    else if (word === '--help' || word === '-h') help = true;
    else return { wanted, publish, build, help, unknown: word };
  }
  return { wanted, publish, build, help };
}
