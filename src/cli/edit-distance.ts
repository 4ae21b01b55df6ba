/** Finds what somebody probably meant to type. */

/** The fewest single-character changes (Levenshtein) between two words. */
export function editDistance(from: string, to: string): number {
  let row = Array.from({ length: Array.from(to).length + 1 }, (_, index) => index);
  for (const [fromIndex, fromCharacter] of Array.from(from).entries()) {
    const next = [fromIndex + 1];
    for (const [toIndex, toCharacter] of Array.from(to).entries()) {
      const replaced = (row[toIndex] ?? 0) + (fromCharacter === toCharacter ? 0 : 1);
      next.push(Math.min(replaced, (row[toIndex + 1] ?? 0) + 1, (next[toIndex] ?? 0) + 1));
    }
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
