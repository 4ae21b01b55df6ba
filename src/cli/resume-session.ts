/** `p2p peer resume` once its command line is read. */
import path from 'node:path';
import type { EngineConfig } from '../engine/engine-types.js';
import type { CopyStatus } from '../engine/status-types.js';
import { OptionError } from '../errors.js';
import type { ResultFields } from './base-command.js';
import { defined } from './defined.js';
import { runTransfers, type TransferStart } from './download-session.js';
import type { Output } from './output.js';
import { printable } from './printable.js';
import { copiesToResume } from './select-copies.js';
import { shownFolder } from './status-table.js';

export interface ResumeSettings {
  readonly targets: readonly string[];
  readonly all: boolean;
  /** Go on seeding when complete. */
  readonly seed: boolean;
  readonly timeoutMs: number | undefined;
  readonly trackers: readonly string[];
  readonly sequential: boolean;
  readonly seedRatio: number | undefined;
  readonly seedTimeMs: number | undefined;
}

/**
 * @throws {P2P_USAGE} when names and `--all` are given
 * @throws {P2P_TARGET_NOT_FOUND} {P2P_TARGET_AMBIGUOUS} and as `downloadAll`
 */
export async function resumeTransfers(
  output: Output,
  config: EngineConfig,
  settings: ResumeSettings,
): Promise<ResultFields> {
  const { copies, running } = await select(output, config.stateDir, settings);
  if (copies.length === 0) {
    for (const { name, runs } of running) {
      output.text(`Process ${runs[0]?.pid ?? 0} works on ${printable(name)} already.`);
    }
    if (running.length === 0)
      output.text(settings.all ? 'Nothing is there to be taken up.' : 'No download is unfinished.');
    return { downloads: [] };
  }
  return await runTransfers(
    output,
    config,
    copies.map((copy) => resumeStart(copy, settings)),
  );
}

/** What is to be taken up, and the downloads that another process works on. */
async function select(
  output: Output,
  stateDir: string,
  settings: ResumeSettings,
): Promise<{ readonly copies: readonly CopyStatus[]; readonly running: readonly CopyStatus[] }> {
  const { targets, all } = settings;
  if (all && targets.length > 0) throw new OptionError('--all goes without a TARGET', {}, 'P2P_USAGE');
  const { StatusReader } = await import('../engine/read-status.js');
  const reader = new StatusReader(stateDir, (message) => output.note(message));
  try {
    const stored = reader.list();
    return {
      copies: copiesToResume(stored, targets, all, (target) => reader.find(target, process.cwd())),
      running: stored.filter(({ runs, role, activity }) => {
        return runs.length > 0 && role === 'download' && activity !== 'seeding';
      }),
    };
  } finally {
    reader.close();
  }
}

function resumeStart(copy: CopyStatus, settings: ResumeSettings): TransferStart {
  const { all, seed, timeoutMs, trackers, sequential, seedRatio, seedTimeMs } = settings;
  const { infoHash, rootPath, name } = copy;
  const isSeeding = copy.activity !== 'interrupted';
  return {
    label: name,
    outputDir: shownFolder(path.resolve(rootPath), process.cwd()),
    seedAfter: seed || all || isSeeding,
    start: (engine) =>
      engine.resume({
        infoHash,
        rootPath,
        trackers,
        ...defined({ seedAfter: seed || all ? true : undefined, timeoutMs, seedRatio, seedTimeMs }),
        ...(sequential && { sequential }),
      }),
  };
}
