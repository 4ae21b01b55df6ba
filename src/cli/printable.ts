/** Makes text from strangers (names, client strings, tracker messages) harmless in a terminal. */

/** C0, DEL, C1, line separators, bidirectional controls, zero-width marks that reorder, and lone surrogates. */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/**
 * The text with each control character written out: ESC becomes `\x1b`, a right-to-left override `\u202e`. Everything
 * that p2p shows and did not write itself goes through here, so that a file name cannot move the cursor.
 */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.charCodeAt(0);
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
