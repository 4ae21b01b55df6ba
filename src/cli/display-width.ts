/** How many terminal columns a text takes, and how to cut it to fit. */

let segmenter: Intl.Segmenter | undefined;
/** ASCII, dashes and quotes, boxes and blocks: a column each. Almost every text, and a hundred times faster so. */
const PLAIN = /^[\x20-\x7e\u2010-\u2027\u2500-\u259f]*$/;
const ZERO_WIDTH = /^[\p{Mark}\u200b-\u200d\ufe00-\ufe0f]+$/u;
const EMOJI = /^\p{Emoji_Presentation}|\ufe0f/u;
/** First and last code points of the wide ranges (Unicode East Asian Width W and F), emoji left to `EMOJI`. */
const WIDE_RANGES: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x20000, 0x3fffd],
];

/** Terminal columns that a printable text takes: 2 for East Asian wide characters and emoji, 0 for combining marks. */
export function displayWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of graphemesOf(text)) columns += graphemeWidth(segment);
  return columns;
}

/**
 * The text if it fits, else its beginning and its end around a `…`, at most `columns` wide. The end stays because a
 * file's extension tells more than its middle.
 * @param columns at least 1
 */
export function fitText(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  const parts = [...graphemesOf(text)].map(({ segment }) => segment);
  const tailColumns = Math.floor((columns - 1) / 3);
  const tail = takeColumns(parts.toReversed(), tailColumns).toReversed();
  const head = takeColumns(parts, columns - 1 - displayWidth(tail.join('')));
  return `${head.join('')}…${tail.join('')}`;
}

/** The text filled up with spaces to `columns`; longer text is left as it is. */
export function padText(text: string, columns: number, side: 'left' | 'right' = 'left'): string {
  const fill = ' '.repeat(Math.max(0, columns - displayWidth(text)));
  return side === 'left' ? text + fill : fill + text;
}

/** What people call characters. The segmenter is made when first needed: it takes 30 ms. */
export function graphemesOf(text: string): Iterable<Intl.SegmentData> {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  return segmenter.segment(text);
}

function takeColumns(parts: readonly string[], columns: number): string[] {
  const taken: string[] = [];
  let used = 0;
  for (const part of parts) {
    used += graphemeWidth(part);
    if (used > columns) break;
    taken.push(part);
  }
  return taken;
}

function graphemeWidth(grapheme: string): number {
  if (ZERO_WIDTH.test(grapheme)) return 0;
  if (EMOJI.test(grapheme)) return 2;
  const code = grapheme.codePointAt(0) ?? 0;
  return WIDE_RANGES.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
}
