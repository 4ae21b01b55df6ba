/** Runs one command for the other scripts: quiet while all is well, everything it said when it is not. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The folder of package.json. */
export const projectRoot = fileURLToPath(new URL('..', import.meta.url));

/**
 * @param {string} name what the line calls it
 * @param {readonly string[]} command a file of node_modules or scripts, run by Node, and its arguments
 * @returns {Promise<boolean>} whether it ended with 0
 */
export async function runStage(name, [file, ...args], { quiet = true } = {}) {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [file, ...args], {
    cwd: projectRoot,
    stdio: ['ignore', quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
  });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (bytes) => said.push(bytes));
  const code = await new Promise((resolve) => {
    child.on('error', (error) => {
      said.push(Buffer.from(`${error.message}\n`));
      resolve(1);
    });
    child.on('close', (exitCode) => resolve(exitCode ?? 1));
  });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  if (code !== 0) process.stdout.write(Buffer.concat(said));
  console.log(`${code === 0 ? '✔' : '✘'} ${name}${code === 0 ? '' : ` failed (exit ${code})`} in ${seconds} s`);
  return code === 0;
}
