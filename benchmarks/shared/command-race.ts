/** Commands that do the same work, measured in turn: wall time, CPU and memory of each. */
import { MeasuredProcess, type MeasuredExit } from './measured-process.js';
import type { Report } from './report.js';
import { median, spread } from './statistics.js';
import { takeTurns } from './take-turns.js';

export interface Racer {
  readonly case: string;
  readonly client: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Undoes the run before, unmeasured. */
  readonly prepare?: () => void;
  /** Why it cannot take part. */
  readonly missingNote?: string | undefined;
}

export interface RaceSetup {
  readonly runs: number;
  /** What each command works through. */
  readonly sizeBytes: number;
}

/** Measures all in turn, after one round that warms the caches, and reports a row each. */
export async function raceCommands(report: Report, racers: readonly Racer[], setup: RaceSetup): Promise<void> {
  const able = racers.filter(({ missingNote }) => missingNote === undefined);
  const turns = await takeTurns(able, { runs: setup.runs, warmUps: 1 }, async (racer) => {
    racer.prepare?.();
    const exit = await runOnce(racer);
    report.progress(`${racer.case}, ${racer.client}: ${(exit.wallMs / 1000).toFixed(2)} s`);
    return exit;
  });
  for (const racer of racers) {
    const turn = turns.find(({ contestant }) => contestant === racer);
    const note = racer.missingNote ?? turn?.failure;
    const head = { case: racer.case, client: racer.client };
    if (note !== undefined) report.row({ ...head, note });
    else if (turn) report.row({ ...head, ...figures(turn.results, setup.sizeBytes) });
  }
}

async function runOnce({ command, env }: Racer): Promise<MeasuredExit> {
  const started = new MeasuredProcess(command, { ...(env && { env }) });
  const exit = await started.exit();
  if (exit.exitCode !== 0) throw new Error(`ended with ${exit.exitCode}: ${started.stderr.trim().slice(0, 200)}`);
  return exit;
}

function figures(exits: readonly MeasuredExit[], sizeBytes: number): Record<string, unknown> {
  const seconds = exits.map(({ wallMs }) => wallMs / 1000);
  return {
    wallSeconds: spread(seconds, 2),
    mbPerSec: Math.round(sizeBytes / 1e6 / median(seconds)),
    cpuSeconds: spread(
      exits.map(({ cpuSeconds }) => cpuSeconds),
      2,
    ),
    peakMiB: Math.round(median(exits.map(({ peakBytes }) => peakBytes)) / 1024 ** 2),
  };
}
