/** `p2p tracker start` once its command line is read: runs until a signal comes. */
import type { RunningTracker } from '../engine/index.js';
import { OPTIONS } from '../options.js';
import type { ResultFields } from './base-command.js';
import { lanAddress } from './lan-address.js';
import type { Output } from './output.js';
import { StopSignal } from './stop-signal.js';

export interface TrackerSettings {
  readonly host?: string;
  readonly port: number;
  readonly udp: boolean;
  readonly stateDir: string;
  readonly token?: string;
}

/** @returns the tracker's counters; a tracker that was stopped is a success */
export async function runTracker(output: Output, settings: TrackerSettings): Promise<ResultFields> {
  const stop = new StopSignal();
  try {
    const { startTracker } = await import('../engine/index.js');
    const tracker = await startTracker({ ...settings, onNote: (message: string) => output.note(message) });
    try {
      const { port, url, udpUrl } = tracker;
      output.event('listening', { host: settings.host ?? '::', port, ports: [port], url, udpUrl: udpUrl ?? null });
      introduce(output, settings.host, tracker);
      await stop.requested;
      return { ...tracker.stats() };
    } finally {
      await tracker.close();
    }
  } finally {
    stop.close();
  }
}

function introduce(
  output: Output,
  boundHost: string | undefined,
  { port, url, udpUrl }: Pick<RunningTracker, 'port' | 'url' | 'udpUrl'>,
): void {
  const { style } = output;
  const isWildcard = boundHost === undefined || boundHost === '0.0.0.0' || boundHost === '::';
  const host = isWildcard ? (lanAddress() ?? 'localhost') : boundHost;
  const flags = port === OPTIONS.trackerPort.default ? `-i ${host}` : `-i ${host} -d ${port}`;
  output.text(
    `Tracker listening: ${style.bold(url)}${udpUrl === undefined ? '' : ` and ${style.bold(udpUrl)}`}`,
    `  others seed with   ${style.cyan(`p2p peer seed PATH ${flags}`)}`,
    `  and download with  ${style.cyan(`p2p peer download NAME ${flags}`)}`,
    style.dim('Ctrl-C stops.'),
  );
}
