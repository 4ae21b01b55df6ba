/**
 * Whose the terminal is: a shell hands it to one process group at a time, the foreground. Who reads from it or changes its
 * settings out of the background is stopped by the kernel (SIGTTIN, SIGTTOU); who paints there paints over the shell.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** `nobody`: this process has no controlling terminal, so that no shell hands it one. */
export type TerminalOwner = 'us' | 'others' | 'nobody';

/** How long an answer of `ps` is believed, where there is no /proc: asking starts a process. */
const BELIEVED_MS = 5_000;

let lastAnswer: { readonly owner: TerminalOwner; readonly atMs: number } | undefined;

/**
 * Whose the controlling terminal is now. Where nothing can tell, it is taken for ours.
 * @param isFresh false allows an answer that is some seconds old, where asking is dear (not on Linux)
 */
export function terminalOwner(isFresh = false): TerminalOwner {
  switch (process.platform) {
    case 'linux':
      return parseProcStat(procStat());
    case 'win32':
      return 'us';
    default: {
      const nowMs = performance.now();
      if (isFresh || lastAnswer === undefined || nowMs - lastAnswer.atMs > BELIEVED_MS) {
        lastAnswer = { owner: parseProcessGroups(askPs()), atMs: nowMs };
      }
      return lastAnswer.owner;
    }
  }
}

/**
 * @param stat content of /proc/PID/stat (proc(5)): field 5 is the process group, 8 that in the foreground of the terminal,
 * -1 without one. Field 2, the program's name in parentheses, may hold spaces and parentheses itself.
 */
export function parseProcStat(stat: string): TerminalOwner {
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return parseProcessGroups(`${group ?? ''} ${foreground ?? ''}`);
}

/** @param text process group and foreground group, as `ps -o pgid=,tpgid=` prints them */
export function parseProcessGroups(text: string): TerminalOwner {
  const match = /^\s*(\d+)\s+(-?\d+)\s*$/.exec(text);
  if (!match) return 'us';
  if (match[1] === match[2]) return 'us';
  // BSD says 0 where Linux says -1.
  return Number(match[2]) <= 0 ? 'nobody' : 'others';
}

function procStat(): string {
  try {
    return readFileSync('/proc/self/stat', 'latin1');
  } catch (error) {
    // No /proc here.
    if (['ENOENT', 'EACCES', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}

function askPs(): string {
  const { stdout } = spawnSync('ps', ['-o', 'pgid=,tpgid=', '-p', `${process.pid}`], {
    encoding: 'utf8',
    timeout: 1_000,
  });
  return typeof stdout === 'string' ? stdout : '';
}
