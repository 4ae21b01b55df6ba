/** `p2p verify` once its command line is read. */
import type { EngineConfig, TargetQuery, VerifyReport } from '../engine/engine-types.js';
import { P2pError } from '../errors.js';
import { withEngineUntilStopped } from './engine-session.js';
import { HashingDisplay } from './hashing-display.js';
import type { Output } from './output.js';
import { isIntact, renderVerifyReport, verifyFailureMessage } from './verify-report.js';

/**
 * Checks and says what is wrong.
 * @returns the report of an intact copy
 * @throws {P2P_VERIFY_FAILED} with the report as details
 */
export async function verifyFiles(
  output: Output,
  config: EngineConfig,
  query: TargetQuery,
  path: string,
): Promise<VerifyReport> {
  const display = new HashingDisplay(output, 'Checking');
  const report = await withEngineUntilStopped(output, config, (engine) =>
    engine.verify(query, path, (done, total) => display.update(path, done, total)),
  ).finally(() => display.close());
  output.text(...renderVerifyReport(report, output.style));
  if (!isIntact(report))
    throw new P2pError('P2P_VERIFY_FAILED', verifyFailureMessage(report), { ...report, ok: false });
  return report;
}
