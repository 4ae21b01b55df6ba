/** Processor time of each thread of a running process, from `/proc` (Linux). */
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second: 100 on every Linux that we know. */
const TICKS_PER_SEC = 100;
const STEP_MS = 20;
/** In `/proc/PID/task/TID/stat`, counted behind the name in brackets, which may hold spaces. */
const USER_TIME_FIELD = 11;

/** Looks at the threads until `stop`; what a thread used in the last 20 ms of the process may be missed. */
export class ThreadTimes {
  /** Thread id → seconds. */
  readonly #seconds = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  readonly #pid: number;

  constructor(pid: number) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.#look(), STEP_MS);
  }

  /** @returns seconds of the main thread, and of the busiest other one */
  stop(): { readonly main: number; readonly busiestOther: number } {
    clearInterval(this.#timer);
    const pid = String(this.#pid);
    const others = [...this.#seconds].filter(([thread]) => thread !== pid).map(([, seconds]) => seconds);
    return { main: this.#seconds.get(pid) ?? NaN, busiestOther: Math.max(0, ...others) };
  }

  #look(): void {
    const pid = this.#pid;
    try {
      for (const thread of readdirSync(`/proc/${pid}/task`)) {
        const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const ticks = Number(fields[USER_TIME_FIELD]) + Number(fields[USER_TIME_FIELD + 1]);
        this.#seconds.set(thread, ticks / TICKS_PER_SEC);
      }
    } catch (error) {
      // The thread, or the process, ended meanwhile.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ESRCH') throw error;
    }
  }
}
