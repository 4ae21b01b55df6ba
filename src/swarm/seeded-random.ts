/** A small generator of random numbers that a seed decides: the only chance that the pure layers know. */

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const WARM_UP_ROUNDS = 12;
const TWO_POW_32 = 4_294_967_296;

/**
 * A generator (sfc32, by Chris Doty-Humphrey) with a period of at least 2^32; not for secrets.
 * @param seed equal seeds give equal sequences; `1` and `'1'` are the same seed
 * @returns a function that gives the next number, at least 0 and below 1
 */
export function seededRandom(seed: number | string): () => number {
  const text = String(seed);
  let a = hashText(text, FNV_OFFSET);
  let b = hashText(text, a ^ 0x9e3779b9);
  let c = hashText(text, b ^ 0x85ebca6b);
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / TWO_POW_32;
  };
  for (let round = 0; round < WARM_UP_ROUNDS; round += 1) next();
  return next;
}

/** FNV-1a over UTF-16 code units, started at `basis`. */
function hashText(text: string, basis: number): number {
  let hash = basis;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME);
  return hash ^ (hash >>> 15);
}
