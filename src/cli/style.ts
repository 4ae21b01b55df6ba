/** Colours, or none. */

/** Wraps a text in one look each; texts pass through unchanged where colours are not wanted. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

/** The style of a terminal: ANSI colours when `hasColors`, else plain text. */
export function styleFor(hasColors: boolean): Style {
  const paint =
    (on: number, off: number) =>
    (text: string): string =>
      hasColors && text !== '' ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    cyan: paint(36, 39),
  };
}
