/** An `Output` whose streams are arrays. */
import { Output } from '../../src/cli/output.js';
import type { TerminalOwner } from '../../src/cli/terminal-owner.js';

export interface CapturedOutput {
  readonly output: Output;
  /** What was written to each stream so far. */
  stdout(): string;
  stderr(): string;
  /** stdout as JSON lines. */
  lines(): Record<string, unknown>[];
}

export function captureOutput(
  look: { json?: boolean; tty?: boolean; columns?: number; owner?: TerminalOwner } = {},
): CapturedOutput {
  const written: { stdout: string[]; stderr: string[] } = { stdout: [], stderr: [] };
  const stream = (parts: string[]) => ({
    write: (text: string) => parts.push(text),
    isTTY: look.tty === true,
    columns: look.columns ?? 80,
  });
  const streams = { stdout: stream(written.stdout), stderr: stream(written.stderr) };
  const output = new Output(look.json === true, streams, { LANG: 'C.UTF-8', NO_COLOR: '1' }, () => look.owner ?? 'us');
  return {
    output,
    stdout: () => written.stdout.join(''),
    stderr: () => written.stderr.join(''),
    lines: () =>
      written.stdout
        .join('')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}
