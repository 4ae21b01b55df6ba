/** An engine for as long as a command runs: opened, stopped by signals, closed whatever happens. */
import type { EngineApi, EngineConfig } from '../engine/engine-types.js';
import { EventPrinter } from './event-printer.js';
import type { Output } from './output.js';
import { StopSignal } from './stop-signal.js';

export interface EngineSession {
  readonly engine: EngineApi;
  readonly stop: StopSignal;
  readonly events: EventPrinter;
}

/**
 * Runs `body` with an engine. The engine's code is loaded here and not before, since `--help` and the like do not need it.
 * @param body ends when its work is done or `stop` is requested
 */
export async function withEngine<T>(
  output: Output,
  config: EngineConfig,
  body: (session: EngineSession) => Promise<T>,
): Promise<T> {
  const stop = new StopSignal();
  const events = new EventPrinter(output);
  try {
    const { openEngine } = await import('../engine/index.js');
    const engine = await openEngine({ ...config, onEvent: (event) => events.handle(event) });
    try {
      return await body({ engine, stop, events });
    } finally {
      events.close();
      await engine.close();
    }
  } finally {
    stop.close();
  }
}

/**
 * The same for work that a signal just breaks off.
 * @throws {Interrupted} when a signal came first
 */
export async function withEngineUntilStopped<T>(
  output: Output,
  config: EngineConfig,
  body: (engine: EngineApi) => Promise<T>,
): Promise<T> {
  return await withEngine(output, config, ({ engine, stop }) => stop.unlessStopped(body(engine)));
}
