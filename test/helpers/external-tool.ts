/** Programs of others that some tests talk to. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';

/**
 * Skips the calling test with a line that names the program that is missing; where the environment says `P2P_TEST_ALL`,
 * as `.ci/run` does, fails instead, since there everything has to be installed.
 */
export function requireOrSkip(test: Mocha.Context, isThere: boolean, what: string): void {
  if (!isThere && process.env['P2P_TEST_ALL'] !== undefined) throw new Error(`${what} is missing`);
  skipUnless(test, isThere, what);
}

/** Skips the calling test where it has not the rights it needs: nobody can install those. */
export function skipUnless(test: Mocha.Context, isThere: boolean, what: string): void {
  if (isThere) return;
  console.log(`      skipped: ${what} is missing`);
  test.skip();
}

/** Whether a program can be started. */
export function hasProgram(name: string): boolean {
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).error === undefined;
}

/** All that a program prints, such as its version; empty when it cannot be started. */
export function printedBy(program: string, args: readonly string[]): string {
  const { error, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return error ? '' : stdout + stderr;
}

/** A program that runs, with all that it printed. */
export class ExternalProcess {
  output = '';
  readonly child: ChildProcess;
  readonly #exited: Promise<number | null>;
  #hasEnded = false;

  constructor(program: string, args: readonly string[], cwd: string) {
    this.child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const collect = (text: Buffer): void => void (this.output += text.toString());
    this.child.stdout?.on('data', collect);
    this.child.stderr?.on('data', collect);
    this.#exited = new Promise((resolve) => {
      this.child.once('close', (code) => {
        this.#hasEnded = true;
        resolve(code);
      });
    });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Its exit code; null when a signal ended it. */
  exit(): Promise<number | null> {
    return this.#exited;
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.#exited;
  }
}

/** aria2c with everything off that looks for peers in other ways than the tracker. */
export function startAria2(args: readonly string[], cwd: string, listenPort: number): ExternalProcess {
  const quiet = ['--enable-dht=false', '--enable-dht6=false', '--bt-enable-lpd=false', '--enable-peer-exchange=false'];
  const common = ['--no-conf=true', '--file-allocation=none', '--summary-interval=0', '--show-console-readout=false'];
  const ports = `--listen-port=${listenPort}-${Math.min(listenPort + 50, 65_535)}`;
  return new ExternalProcess('aria2c', [...common, ...quiet, ports, ...args], cwd);
}
