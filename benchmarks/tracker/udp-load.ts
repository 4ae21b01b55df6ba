/** Load for a tracker over UDP: `udp-load.c`, compiled where there is a C compiler. */
import { execFile, spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { TrackerClient, type AnnounceReply } from '../../src/tracker/tracker-client.js';
import { infoHashHex, type Announced, type Load } from './announce-load.js';

const SOURCE = fileURLToPath(new URL('../../../benchmarks/tracker/udp-load.c', import.meta.url));

/** Makes announces over UDP. */
export class UdpLoad {
  readonly #program: string;

  /** @param program from `compileUdpLoad` */
  constructor(program: string) {
    this.#program = program;
  }

  /** @returns answered announces a second; `connections` of them are under way */
  async measure({ port, seconds, connections, torrents }: Omit<Load, 'isNew'>): Promise<number> {
    const words = [port, seconds, connections, torrents].map(String);
    const { stdout } = await promisify(execFile)(this.#program, words);
    return Number(stdout);
  }
}

/** @param folder for the program. @returns undefined when it cannot be compiled here */
export function compileUdpLoad(folder: string): UdpLoad | undefined {
  const program = path.join(folder, 'udp-load');
  const { status } = spawnSync('cc', ['-O2', '-o', program, SOURCE], { stdio: 'ignore' });
  return status === 0 ? new UdpLoad(program) : undefined;
}

/** One announce of our client. */
export async function sampleUdpReply(port: number, announced: Announced): Promise<AnnounceReply> {
  const client = new TrackerClient();
  try {
    return await client.announce({
      ...{ url: `udp://127.0.0.1:${port}/announce`, infoHash: infoHashHex(announced.torrent), peerId: '11'.repeat(20) },
      ...{ port: announced.port, uploadedBytes: 0, downloadedBytes: 0, leftBytes: 1, event: 'none', numWant: 50 },
    });
  } finally {
    await client.close();
  }
}
