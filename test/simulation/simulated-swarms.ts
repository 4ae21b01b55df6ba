/** Configurations of simulated swarms for tests. */
import type { SimulationConfig } from '../../src/simulation/run-simulation.js';
import type { SimulatedPeerOptions } from '../../src/simulation/simulated-peer.js';

const LINE_BYTES_PER_SEC = 1_000_000;

/** A downloader on a line of 1 MB/s both ways. `number` makes its address. */
export function aDownloader(number: number, options: Partial<SimulatedPeerOptions> = {}): SimulatedPeerOptions {
  return {
    host: `10.0.${number >> 8}.${number & 255}`,
    wantsPieces: true,
    owned: 'none',
    upBytesPerSec: LINE_BYTES_PER_SEC,
    downBytesPerSec: LINE_BYTES_PER_SEC,
    ...options,
  };
}

/** A seeder of everything, or of `owned`. */
export function aSeeder(number: number, options: Partial<SimulatedPeerOptions> = {}): SimulatedPeerOptions {
  return aDownloader(number, { wantsPieces: false, owned: 'all', ...options });
}

/** Downloaders 2, 3, … that come one after another. */
export function downloaders(count: number, options: Partial<SimulatedPeerOptions> = {}): SimulatedPeerOptions[] {
  return Array.from({ length: count }, (_, at) => aDownloader(at + 2, { joinMs: at * 50, ...options }));
}

/** 4 MiB in 64 pieces over ways of 20 ms. */
export function aSimulation(
  config: Pick<SimulationConfig, 'seed' | 'peers'> & Partial<SimulationConfig>,
): SimulationConfig {
  return { pieceCount: 64, pieceLengthBytes: 65_536, network: { latencyMs: 20 }, untilMs: 600_000, ...config };
}

/** `[from, from + 1, … to - 1]` */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at);
}
