/**
 * What is typed at the terminal, for as long as the shell gives it to us.
 *
 *     reading (raw mode) ──Ctrl-Z, SIGTSTP──▶ stopped ──fg──▶ reading
 *                                                └──bg──▶ waiting ──fg──▶ reading
 *
 * While it waits, neither is read nor are the terminal's settings touched: the kernel would stop the process for either.
 */
import type { ConnectOpts, SocketConstructorOpts } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { isatty, ReadStream } from 'node:tty';
import { terminalOwner, type TerminalOwner } from './terminal-owner.js';

export interface TerminalKeysUser {
  /** Something was typed; key sequences come in one piece as a rule. */
  handleKeys(text: string): void;
  /** The process is about to be suspended: last chance to leave the screen clean. */
  handleLeave(): void;
  /** The process goes on after it was suspended: others wrote where it had painted. */
  handleReturn(): void;
}

const STDIN = 0;
const READ_BYTES = 4_096;
/** A shell that brings a running job to the foreground tells it nothing: it has to look. */
const LOOK_INTERVAL_MS = 500;

/** Whether somebody can type something: stdin is a terminal. */
export function hasTerminalKeys(): boolean {
  return isatty(STDIN);
}

/**
 * Reads from its making until `close`, whenever the terminal is ours. The stream on stdin is made anew each time it is:
 * only a closed one is forgotten by libuv, which otherwise sets the terminal back at the end of the process, and a process
 * that does so in the background is stopped.
 */
export class TerminalKeys {
  readonly #user: TerminalKeysUser;
  readonly #owner: () => TerminalOwner;
  #stream: ReadStream | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isSuspended = false;
  #isClosed = false;
  readonly #onContinue = (): void => {
    if (this.#isClosed) return;
    this.#isSuspended = false;
    this.#look();
    this.#user.handleReturn();
  };
  readonly #onStop = (): void => this.suspend(process.pid);

  constructor(user: TerminalKeysUser, owner: () => TerminalOwner = () => terminalOwner(true)) {
    this.#user = user;
    this.#owner = owner;
    process.on('SIGCONT', this.#onContinue);
    this.#look();
  }

  /**
   * Does what Ctrl-Z does in a terminal that turns it into a signal; returns when the process goes on.
   * @param target process id, or 0 for the whole process group
   */
  suspend(target = 0): void {
    if (this.#isClosed) return;
    this.#isSuspended = true;
    this.#user.handleLeave();
    this.#letGo();
    process.kill(target, 'SIGTSTP');
    // Where no shell could ever continue the process, the kernel did not stop it, and no SIGCONT comes. One that does has
    // come by the turn after next.
    setImmediate(() => setImmediate(() => this.#isSuspended && this.#onContinue()));
  }

  /** Sends a signal to whom Ctrl-C or Ctrl-\ reaches in a terminal that makes signals of them. */
  interrupt(signal: 'SIGINT' | 'SIGQUIT'): void {
    // Nothing but a closed stream leaves raw mode when a signal ends the process without a further word.
    if (signal === 'SIGQUIT') this.#letGo();
    if (process.platform === 'win32') process.emit(signal);
    else process.kill(0, signal);
  }

  /** Gives the terminal back as it was. Idempotent. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#timer = undefined;
    process.off('SIGCONT', this.#onContinue);
    this.#letGo();
  }

  /** Takes the terminal when it is ours, else waits for that. */
  #look(): void {
    if (this.#owner() === 'us') {
      clearInterval(this.#timer);
      this.#timer = undefined;
      this.#take();
      return;
    }
    // Stopped by SIGSTOP, which cannot be heard, and continued in the background: too late for leaving raw mode.
    this.#stream?.pause();
    this.#timer ??= setInterval(() => this.#look(), LOOK_INTERVAL_MS).unref();
  }

  #take(): void {
    if (this.#stream) {
      // libuv believes that raw mode is on still, and would do nothing.
      this.#stream.setRawMode(false).setRawMode(true).resume();
      return;
    }
    const decoder = new StringDecoder('utf8');
    const callback = (length: number, bytes: Uint8Array): boolean => {
      this.#user.handleKeys(decoder.write(Buffer.from(bytes.subarray(0, length))));
      return true;
    };
    // With a buffer of ours `pause` ends reading at once, and not after one read more.
    const options: SocketConstructorOpts & ConnectOpts = { onread: { buffer: Buffer.alloc(READ_BYTES), callback } };
    const stream = new ReadStream(STDIN, options);
    this.#stream = stream;
    // The terminal is gone: its window was closed, or its line dropped. A SIGHUP says so to whom it concerns.
    stream.on('error', () => this.close());
    stream.on('end', () => this.close());
    stream.setRawMode(true).resume().unref();
    process.on('SIGTSTP', this.#onStop);
  }

  #letGo(): void {
    process.off('SIGTSTP', this.#onStop);
    // With libuv's raw mode still on in the background, closing the stream would stop the process.
    if (!this.#stream || this.#owner() !== 'us') return;
    this.#stream.setRawMode(false).destroy();
    this.#stream = undefined;
  }
}
