/** `p2p peer seed` once its command line is read: seeds, shows, waits for a signal. */
import { resolve } from 'node:path';
import type { EngineConfig, SeedRequest, SeedResult, TransferOutcome } from '../engine/engine-types.js';
import { P2pError } from '../errors.js';
import { formatMagnet } from '../metainfo/magnet.js';
import { formatSize } from '../units.js';
import type { ResultFields } from './base-command.js';
import { downloadCommandLine } from './download-command-line.js';
import { withEngine, type EngineSession } from './engine-session.js';
import { countOf } from './format-pieces.js';
import { identityFields, sizeFields } from './json-fields.js';
import type { Output } from './output.js';
import { printable } from './printable.js';
import { ProgressReporter } from './progress-reporter.js';
import { Prompt } from './prompt.js';
import { reachableUrl } from './reachable-url.js';
import { renderSeed } from './seed-card.js';
import { Interrupted } from './stop-signal.js';

/**
 * Seeds each path as a torrent of its own until a signal comes.
 * @returns the fields of the result; a seeder that was stopped is a success
 * @throws what made the first torrent fail, when all have
 */
export async function seedUntilStopped(
  output: Output,
  config: EngineConfig,
  requests: readonly SeedRequest[],
): Promise<ResultFields> {
  return await withEngine(output, config, (session) => runSeeds(output, session, requests));
}

/** The same with an engine at hand. */
export async function runSeeds(
  output: Output,
  session: EngineSession,
  requests: readonly SeedRequest[],
): Promise<ResultFields> {
  const reporter = new ProgressReporter(output, () => session.engine.transfers);
  const prompt = new Prompt(output, session.stop, () => session.engine.transfers);
  try {
    const seeds = await startSeeds(output, session, requests);
    if (seeds.length > 0) {
      announceReadiness(output, session, seeds.length);
      reporter.start();
      await waitForEnd(output, session, seeds);
    }
    // Left first: what was sent until the end is known only then.
    await session.engine.close();
    reporter.close();
    return sayGoodbye(output, seeds);
  } finally {
    prompt.close();
    reporter.close();
  }
}

/** One after another, since hashing keeps all threads busy. Ends early when a stop is requested. */
async function startSeeds(
  output: Output,
  { engine, stop }: EngineSession,
  requests: readonly SeedRequest[],
): Promise<SeedResult[]> {
  const seeds: SeedResult[] = [];
  let empty: P2pError | undefined;
  for (const request of requests) {
    try {
      const seed = await stop.unlessStopped(engine.seed(request));
      seeds.push(seed);
      introduce(output, seed, request);
    } catch (error) {
      if (error instanceof Interrupted) return seeds;
      // An empty folder in ./input must not keep the rest from being seeded.
      if (!(error instanceof P2pError) || error.code !== 'P2P_NOTHING_TO_SEED') throw error;
      empty = error;
      if (requests.length > 1) output.note(`${error.message}: passed over`);
    }
  }
  if (seeds.length === 0 && empty) throw empty;
  return seeds;
}

function introduce(output: Output, seed: SeedResult, request: SeedRequest): void {
  const { transfer, trackers, published } = seed;
  const { metainfo } = transfer;
  const forOthers = trackers.map((url) => reachableUrl(url));
  const magnet = formatMagnet(metainfo, { trackers: forOthers });
  const { name, infoHash } = identityFields(metainfo);
  const isNameUnique = seed.namesakes.length === 0;
  const torrentFile = metainfo.isPrivate ? (request.torrentFile ?? `${name}.torrent`) : undefined;
  const command = downloadCommandLine({
    ...{ name, infoHash, isNameUnique, magnet, trackers: forOthers, published, torrentFile },
  });
  const { offeredPieces } = transfer.snapshot();
  const { blake3InfoHash } = metainfo;
  const sizes = sizeFields(metainfo);
  output.event('seeding', {
    ...{ name, infoHash, blake3InfoHash, path: resolve(request.path), ...sizes },
    ...{ offeredPieces, magnet, command, trackers, published },
  });
  output.text(...renderSeed({ metainfo, offeredPieces, magnet, command, trackers, published }, output.style));
}

function announceReadiness(output: Output, { events }: EngineSession, count: number): void {
  const port = events.port === undefined ? '' : ` on port ${events.port}`;
  output.text(output.style.dim(`Seeding ${countOf(count, 'torrent')}${port}. Ctrl-C stops.`), '');
}

/** Until a stop is requested, or no torrent is left that works. */
async function waitForEnd(output: Output, { stop }: EngineSession, seeds: readonly SeedResult[]): Promise<void> {
  const failures: P2pError[] = [];
  const ends = seeds.map(async ({ transfer }) => {
    const outcome = await transfer.finished;
    const failure = failureOf(outcome);
    if (failure === undefined || stop.reason !== undefined) return;
    failures.push(failure);
    if (seeds.length > 1) output.note(`${transfer.metainfo.name} is not seeded any more: ${failure.message}`);
  });
  await Promise.race([stop.requested, Promise.all(ends)]);
  if (stop.reason === undefined && failures[0] && failures.length === seeds.length) throw failures[0];
}

function failureOf({ state, error }: TransferOutcome): P2pError | undefined {
  if (state !== 'failed' && state !== 'incomplete') return undefined;
  return error === undefined ? new P2pError('P2P_BUG', `seeding ended as ${state}`) : P2pError.fromValue(error);
}

function sayGoodbye(output: Output, seeds: readonly SeedResult[]): ResultFields {
  const records = seeds.map(({ transfer }) => ({
    ...identityFields(transfer.metainfo),
    upTotalBytes: transfer.snapshot().swarm.upTotalBytes,
  }));
  for (const { name, upTotalBytes } of records) {
    if (upTotalBytes > 0) output.text(`Sent ${formatSize(upTotalBytes)} of ${printable(name)}.`);
  }
  return { seeds: records };
}
