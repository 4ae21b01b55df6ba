/**
 * Text files for tests and the demo: the same words every time, from a seed and the word lists below. `short_story.txt`
 * is about 6 KB, the others are made for swarms of several peers.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Names of the files and how long each is, in bytes. */
export const STORY_SIZES = {
  'short_story.txt': 6_000,
  'short_story_10x.txt': 60_000,
  'short_story_100x.txt': 600_000,
  'lorem_ipsum.txt': 550_000,
} as const;

export type StoryName = keyof typeof STORY_SIZES;

const WORDS = {
  who: 'the ferryman|a tired baker|the lighthouse keeper|my grandmother|an honest thief|the youngest cook|a blind cartographer|the mayor|a deaf bell-ringer|the postman|two quiet sisters|a beekeeper|the clockmaker|a retired captain|the night nurse|a stray dog',
  did: 'found|carried home|forgot|painted|buried|mended|counted|sold|borrowed|hid|returned|weighed|described|dreamt of|looked after|lost',
  what: 'a box of letters|the silver key|half of a map|seven brass buttons|a violin without strings|the last orange|an unfinished bridge|a jar of fog|the wrong umbrella|someone else’s coat|a loaf still warm|the recipe|a boat made of reeds|the old piano|a lamp|three blue stones',
  when: 'before the rain came|on the longest night|while the kettle sang|after the market closed|in the winter of the two moons|when nobody was looking|at the edge of the harbour|during the long silence|between two trains|as the snow began|a week too late|just before dawn',
  then: 'and told no one|and the whole street heard of it|which changed very little|although the door was locked|and laughed until evening|as if it were a promise|and that was the end of the quarrel|so the story went on',
} as const;

const LATIN =
  'lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua enim ad minim veniam quis nostrud exercitation ullamco laboris nisi aliquip ex ea commodo consequat'.split(
    ' ',
  );

/**
 * The text of a story file, in UTF-8.
 * @returns exactly `STORY_SIZES[name]` bytes, the same for the same seed
 */
export function storyBytes(name: StoryName, seed = 1): Uint8Array {
  const sizeBytes = STORY_SIZES[name];
  const random = seededRandom(seed + sizeBytes);
  const sentence = name === 'lorem_ipsum.txt' ? latinSentence : storySentence;

  let text = `${name.replace(/\.txt$/, '').replaceAll('_', ' ')}\n\n`;
  // Each character is at least one byte, so this many characters are enough.
  while (text.length < sizeBytes) text += paragraph(sentence, random);
  return cutAtCharacter(new TextEncoder().encode(text), sizeBytes);
}

/**
 * Writes story files.
 * @returns their absolute paths, in the order of `names`
 */
export function writeStories(folder: string, names: readonly StoryName[], seed = 1): string[] {
  mkdirSync(folder, { recursive: true });
  return names.map((name) => {
    const file = path.resolve(folder, name);
    writeFileSync(file, storyBytes(name, seed));
    return file;
  });
}

/**
 * A seeded generator of numbers (mulberry32): good enough for tests, the same everywhere.
 * @returns a function that gives numbers of [0, 1)
 */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

function paragraph(sentence: (random: () => number) => string, random: () => number): string {
  const sentences = Array.from({ length: 3 + Math.floor(random() * 4) }, () => capitalised(sentence(random)));
  return `${sentences.join(' ')}\n\n`;
}

function storySentence(random: () => number): string {
  const { who, did, what, when, then } = WORDS;
  const start = `${pick(who.split('|'), random)} ${pick(did.split('|'), random)} ${pick(what.split('|'), random)}`;
  const end = random() < 0.5 ? ` ${pick(when.split('|'), random)}` : `, ${pick(then.split('|'), random)}`;
  return `${start}${end}.`;
}

function latinSentence(random: () => number): string {
  return `${Array.from({ length: 6 + Math.floor(random() * 10) }, () => pick(LATIN, random)).join(' ')}.`;
}

function pick<Item>(items: readonly Item[], random: () => number): Item {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The first `sizeBytes` bytes; a character that would be cut in two becomes dots, so that the file stays UTF-8. */
function cutAtCharacter(bytes: Uint8Array, sizeBytes: number): Uint8Array {
  const cut = bytes.slice(0, sizeBytes);
  let end = sizeBytes;
  const next = bytes[sizeBytes];
  if (next === undefined || (next & 0xc0) !== 0x80) return cut;
  do end -= 1;
  while (((cut[end] ?? 0) & 0xc0) === 0x80);
  return cut.fill(0x2e, end);
}
