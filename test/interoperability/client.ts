/** What the tests want of a BitTorrent client of others: one torrent, seeded or loaded. */
import { existsSync } from 'node:fs';
import { eventually } from '../helpers/eventually.js';
import type { ExternalProcess } from '../helpers/external-tool.js';
import type { Host } from './network.js';

export type ClientName = 'aria2' | 'Transmission' | 'libtorrent';

/** What a client is to do. All ways to find peers but the trackers are off unless named. */
export interface Job {
  /** Path of a .torrent file, or a magnet link. */
  readonly torrent: string;
  /** Where the data lies or goes to. What lies there already is checked and used. */
  readonly folder: string;
  readonly host: Host;
  /** Peer exchange (BEP 11). */
  readonly pex?: boolean;
  /** Local service discovery (BEP 14). */
  readonly lsd?: boolean;
  /** Uses the DHT (BEP 5), entered at these nodes, `ADDRESS:PORT`. */
  readonly dhtNodes?: readonly string[];
}

/** A client of others. It listens on a port of its choice and seeds on when it has loaded. */
export interface Client<OwnJob extends Job = Job, Run extends ClientRun = ClientRun> {
  readonly name: ClientName;
  /** What to install where `version` finds nothing. */
  readonly install: string;
  /** Whether it talks to peers at 127.0.0.1; otherwise each needs a host of its own. */
  readonly worksOnLoopback: boolean;
  /** Whether it makes the empty files of a folder. */
  readonly makesEmptyFiles: boolean;
  /** Undefined when it is not installed. */
  version(): string | undefined;
  /** `scratch` is an empty folder for whatever it keeps. */
  start(job: OwnJob, scratch: string): Promise<Run>;
}

/** A client at work. */
export interface ClientRun {
  /** Where it accepts peers. */
  readonly port: number;
  /** All that it printed. */
  readonly output: string;
  /** Resolves when the client says that everything is there; then its files are whole. */
  complete(): Promise<void>;
  /** Ends it at once; may be called twice. */
  kill(): Promise<void>;
}

/** Transmission alone takes half a minute at times; the limits of the tests are shorter where that is too long. */
const COMPLETE_MOST_MS = 110_000;

/** The run of a client that calls a program when it is complete. */
export class HookedRun implements ClientRun {
  readonly port: number;
  readonly #process: ExternalProcess;
  readonly #doneFile: string;

  /** @param doneFile is there as soon as the client is complete */
  constructor(process: ExternalProcess, port: number, doneFile: string) {
    this.#process = process;
    this.port = port;
    this.#doneFile = doneFile;
  }

  get output(): string {
    return this.#process.output;
  }

  async complete(): Promise<void> {
    await eventually(
      'the client to be complete',
      () => {
        if (existsSync(this.#doneFile)) return Promise.resolve(true);
        if (this.#process.hasEnded) throw new Error(`the client ended before it was complete\n${this.output}`);
        return Promise.resolve(false);
      },
      COMPLETE_MOST_MS,
    );
  }

  kill(): Promise<void> {
    return this.#process.kill();
  }
}
