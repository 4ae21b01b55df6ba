/** The engine's code, loaded when a command needs it and not before. */
import type { EngineApi, EngineConfig } from '../engine/engine-types.js';

/** What commands use of `engine/index.ts`. */
export interface EngineModule {
  readonly openEngine: (config: EngineConfig) => Promise<EngineApi>;
  readonly startTracker: (options: {
    readonly host?: string;
    readonly port: number;
    readonly stateDir: string;
    readonly token?: string;
    readonly onNote?: (message: string) => void;
  }) => Promise<{
    readonly port: number;
    readonly url: string;
    stats(): object;
    close(): Promise<void>;
  }>;
}

/** SQLite, the worker pool and the wire protocol come with it: some 30 ms that `--help` does not pay. */
export async function loadEngine(): Promise<EngineModule> {
  return (await import('../engine/index.js')) as unknown as EngineModule;
}
