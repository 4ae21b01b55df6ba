/** One `p2p` process, listened to through the JSON lines that it prints. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { projectRoot } from './run-stage.mjs';

export class P2pChild {
  #child;
  #exited;
  #waiters = new Set();
  #said = [];
  #stderr = '';

  /**
   * @param {readonly string[]} args what is typed after `p2p`
   * @param {string} stateDir its own state, apart from the user's
   * @param {(line: object) => void} onLine called for each line
   * @param {Readonly<Record<string, string>>} env beside that of this process
   */
  constructor(args, stateDir, onLine = () => {}, env = {}) {
    this.#child = spawn(process.execPath, [path.join(projectRoot, 'bin/run.js'), ...args, '--json'], {
      env: { ...process.env, ...env, P2P_STATE: stateDir },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#stderr += text;
    });
    createInterface({ input: this.#child.stdout }).on('line', (text) => this.#handleLine(JSON.parse(text), onLine));
    this.#exited = new Promise((resolve) => {
      this.#child.on('error', (error) => {
        this.#stderr += error.message;
        resolve(1);
      });
      this.#child.on('close', (code) => resolve(code ?? 1));
    }).then((code) => {
      for (const { reject } of this.#waiters) reject(this.#failure());
      return code;
    });
  }

  /** The first line of a type. Rejects when the process ends without it. */
  line(type) {
    const found = this.#said.find((line) => line.type === type);
    if (found) return Promise.resolve(found);
    return new Promise((resolve, reject) => this.#waiters.add({ type, resolve, reject }));
  }

  /** The `result` line, once the process ended well. */
  async result() {
    const code = await this.#exited;
    const last = this.#said.at(-1);
    if (code !== 0 || last?.type !== 'result') throw this.#failure();
    return last;
  }

  /** Ctrl-C, and the `result` line with which it leaves. */
  stop() {
    this.#child.kill('SIGINT');
    return this.result();
  }

  /** Ends it at once; for the case that something went wrong. */
  kill() {
    this.#child.kill('SIGKILL');
    return this.#exited;
  }

  #handleLine(line, onLine) {
    this.#said.push(line);
    onLine(line);
    for (const waiter of this.#waiters) {
      if (waiter.type !== line.type) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(line);
    }
  }

  #failure() {
    const last = this.#said.at(-1);
    const reason = last?.type === 'error' ? `${last.code}: ${last.message}` : this.#stderr.trim();
    return new Error(`p2p ${this.#child.spawnargs.slice(2).join(' ')} ended: ${reason || 'without a word'}`);
  }
}
