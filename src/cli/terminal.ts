/** What the terminal at stdout can do: colours, redrawing, box characters, columns. */

export interface Terminal {
  /** Whether a person looks at it, so that a line may be repainted. */
  readonly isInteractive: boolean;
  readonly hasColors: boolean;
  /** Whether it shows more than ASCII. */
  readonly hasUnicode: boolean;
  readonly columns: number;
}

interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const FALLBACK_COLUMNS = 80;

/**
 * Looks at a stream and the environment. `NO_COLOR` (no-color.org) and `TERM=dumb` are honoured.
 * @param stream usually `process.stdout`; columns change, so ask again before each repaint
 */
export function terminalOf(
  stream: OutputStream,
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): Terminal {
  const isInteractive = stream.isTTY === true && env['TERM'] !== 'dumb';
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return {
    isInteractive,
    hasColors: isInteractive && !env['NO_COLOR'],
    hasUnicode: platform === 'win32' ? Boolean(env['WT_SESSION'] ?? env['TERM_PROGRAM']) : /utf-?8/i.test(locale),
    columns: stream.columns === undefined || stream.columns < 1 ? FALLBACK_COLUMNS : stream.columns,
  };
}
