/** How a benchmark's file ends: with its help, or with its run. */
import { P2pError } from '../../src/errors.js';

/** A command line that asks for what is not there. */
export class UsageError extends Error {}

/** What somebody typed wrong is told in a line, with exit code 2; anything else is a bug and shows where. */
export async function runBenchmark(help: string, wantsHelp: boolean, main: () => Promise<void> | void): Promise<void> {
  if (wantsHelp) {
    console.log(help);
    return;
  }
  try {
    await main();
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof P2pError)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
}
