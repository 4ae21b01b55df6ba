/** Names of what a benchmark makes outside of its process: they tell whose it is, so that the next one can take it down. */

const PREFIX = 'p2p-bench-';

/** `p2p-bench-1234-hub`. @param part letters and digits */
export function namespaceName(pid: number, part: string): string {
  return `${PREFIX}${pid}-${part}`;
}

/** The process id in a name, undefined when it is none of ours. */
export function leftoverOwner(name: string): number | undefined {
  const match = /^p2p-bench-(\d+)-\w+$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

/** Whether a process has this id, whoever's it is. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
