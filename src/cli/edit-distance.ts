/** Finds what somebody probably meant to type. */

/** The fewest slips of a finger between two words: a character more, less, another, or two swapped (OSA distance). */
export function editDistance(from: string, to: string): number {
  const [source, target] = [Array.from(from), Array.from(to)];
  let before: number[] = [];
  let row = Array.from({ length: target.length + 1 }, (_, index) => index);
  for (const [at, character] of source.entries()) {
    const next = [at + 1];
    for (const [index, wanted] of target.entries()) {
      const replaced = (row[index] ?? 0) + (character === wanted ? 0 : 1);
      const isSwapped = at > 0 && index > 0 && character === target[index - 1] && source[at - 1] === wanted;
      const swapped = isSwapped ? (before[index - 1] ?? 0) + 1 : Infinity;
      next.push(Math.min(replaced, swapped, (row[index + 1] ?? 0) + 1, (next[index] ?? 0) + 1));
    }
    before = row;
    row = next;
  }
  return row.at(-1) ?? 0;
}

/**
 * The candidate closest to `word`, when it is near enough to be a slip of the finger.
 * @param keysOf what of a candidate to compare with; the candidate itself when left out
 */
export function closest(
  word: string,
  candidates: readonly string[],
  keysOf: (candidate: string) => readonly string[] = (candidate) => [candidate],
): string | undefined {
  let best: { candidate: string; distance: number } | undefined;
  for (const candidate of candidates) {
    for (const key of keysOf(candidate)) {
      const distance = editDistance(word.toLowerCase(), key);
      const allowed = Math.max(1, Math.floor(key.length / 3));
      if (distance <= allowed && (!best || distance < best.distance)) best = { candidate, distance };
    }
  }
  return best?.candidate;
}
