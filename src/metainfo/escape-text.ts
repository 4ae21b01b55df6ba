/** Text of strangers, made fit to be shown. */

/**
 * The text with all that could move a cursor, switch a colour or reverse what follows written out: `\x1b`, `\u202e`.
 * A terminal and a log see nothing but printable characters; emoji and letters of all scripts stay.
 */
export function escapeText(text: string): string {
  return text.replace(HIDDEN, (character) => {
    const code = character.charCodeAt(0);
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** C0 and C1 controls, DEL, line and paragraph separators, bidirectional overrides and isolates, lone surrogates. */
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/gu;
