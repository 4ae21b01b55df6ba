/** Real engines and a tracker inside the test process: all in one temporary folder, all closed afterwards. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { P2pError, type ErrorCode } from '../../src/errors.js';
import { openEngine, startTracker, type RunningTracker, type TrackerOptions } from '../../src/engine/index.js';
import type {
  DownloadRequest,
  EngineApi,
  EngineConfig,
  EngineEvent,
  SeedRequest,
  SeedResult,
  Transfer,
  TransferSnapshot,
} from '../../src/engine/engine-types.js';
import { CopyStore, type CopyRecord, type Ownership } from '../../src/store/copy-store.js';
import { openStateDatabase } from '../../src/store/database.js';

type EventOf<Type extends EngineEvent['type']> = Extract<EngineEvent, { readonly type: Type }>;

/** A copy as its state database has it. */
export interface StoredCopy extends CopyRecord {
  readonly ownership: Ownership;
}

/** An engine, and all that it said. */
export class TestEngine {
  readonly api: EngineApi;
  readonly stateDir: string;
  readonly events: readonly EngineEvent[];
  readonly #fixture: EngineFixture;
  readonly #waiting: Set<() => void>;

  constructor(
    fixture: EngineFixture,
    made: { api: EngineApi; stateDir: string; events: readonly EngineEvent[]; waiting: Set<() => void> },
  ) {
    this.#fixture = fixture;
    this.api = made.api;
    this.stateDir = made.stateDir;
    this.events = made.events;
    this.#waiting = made.waiting;
  }

  /** Texts of all notes so far. */
  get notes(): string[] {
    return this.all('note').map((note) => note.message);
  }

  /** The port that it announces. */
  get port(): number {
    const [listening] = this.all('listening');
    if (!listening) throw new Error('the engine does not listen');
    return listening.port;
  }

  all<Type extends EngineEvent['type']>(type: Type): EventOf<Type>[] {
    return this.events.filter((event): event is EventOf<Type> => event.type === type);
  }

  /** The first event of a type that fits, at once or as soon as it comes. */
  async until<Type extends EngineEvent['type']>(
    type: Type,
    fits: (event: EventOf<Type>) => boolean = () => true,
  ): Promise<EventOf<Type>> {
    for (;;) {
      const found = this.all(type).find(fits);
      if (found) return found;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Seeds at the fixture's tracker and waits until others can find it. */
  async seed(givenPath: string, request: Partial<SeedRequest> = {}): Promise<SeedResult> {
    const result = await this.api.seed({ path: givenPath, trackers: this.#fixture.trackerUrls, ...request });
    const { infoHash } = result.transfer.metainfo;
    if (result.trackers.length > 0) await this.until('announced', (event) => event.infoHash === infoHash);
    return result;
  }

  /** Downloads from the fixture's tracker. */
  download(target: string, outputDir: string, request: Partial<DownloadRequest> = {}): Promise<Transfer> {
    return this.api.download({ target, outputDir, trackers: this.#fixture.trackerUrls, ...request });
  }

  /** What its state database says now. */
  copies(): StoredCopy[] {
    return storedCopies(this.stateDir);
  }

  close(): Promise<void> {
    return this.api.close();
  }
}

export class EngineFixture {
  readonly #engines: TestEngine[] = [];
  readonly #trackers: RunningTracker[] = [];
  readonly #cleanups: (() => Promise<void> | void)[] = [];
  #root: string | undefined;
  #folders = 0;

  /** Announce URLs of all trackers that were started. */
  get trackerUrls(): string[] {
    return this.#trackers.map((tracker) => tracker.url);
  }

  /** A new folder, or a path for one. */
  async folder(name = 'dir', make = true): Promise<string> {
    this.#root ??= await mkdtemp(path.join(tmpdir(), 'p2p-engine-'));
    const made = path.join(this.#root, `${name}-${(this.#folders += 1)}`);
    if (make) await mkdir(made);
    return made;
  }

  /** A file in a new folder. @returns its path */
  async file(name: string, content: Uint8Array | string): Promise<string> {
    const made = path.join(await this.folder('source'), name);
    await writeFile(made, content);
    return made;
  }

  /** A folder with files in it, by their paths with `/` between components. @returns its path */
  async tree(name: string, files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
    const root = path.join(await this.folder('source'), name);
    await mkdir(root);
    for (const [below, content] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(root, below)), { recursive: true });
      await writeFile(path.join(root, below), content);
    }
    return root;
  }

  async tracker(options: Partial<TrackerOptions> = {}): Promise<RunningTracker> {
    const tracker = await startTracker({
      host: '127.0.0.1',
      port: 0,
      stateDir: await this.folder('tracker'),
      ...options,
    });
    this.#trackers.push(tracker);
    return tracker;
  }

  /** An engine on any free port of loopback, with one worker thread and a state of its own. */
  async engine(config: Partial<EngineConfig> = {}): Promise<TestEngine> {
    const stateDir = config.stateDir ?? (await this.folder('state', false));
    const events: EngineEvent[] = [];
    const waiting = new Set<() => void>();
    const api = await openEngine({
      port: 0,
      bindHost: '127.0.0.1',
      workerThreads: 1,
      ...config,
      stateDir,
      onEvent: (event) => {
        events.push(event);
        const woken = [...waiting];
        waiting.clear();
        for (const wake of woken) wake();
        config.onEvent?.(event);
      },
    });
    const engine = new TestEngine(this, { api, stateDir, events, waiting });
    this.#engines.push(engine);
    return engine;
  }

  /** Something else to be undone at the end. */
  onClose(cleanup: () => Promise<void> | void): void {
    this.#cleanups.push(cleanup);
  }

  async close(): Promise<void> {
    await Promise.all(this.#engines.splice(0).map((engine) => engine.close()));
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
    await Promise.all(this.#trackers.splice(0).map((tracker) => tracker.close()));
    if (this.#root !== undefined) await rm(this.#root, { recursive: true, force: true });
    this.#root = undefined;
  }
}

/** A fixture for the `describe` that calls this, closed after each of its tests. */
export function useEngines(): EngineFixture {
  const fixture = new EngineFixture();
  afterEach(() => fixture.close());
  return fixture;
}

/** What a state database says of its copies. */
export function storedCopies(stateDir: string): StoredCopy[] {
  const database = openStateDatabase(stateDir, { onNote: () => undefined });
  try {
    const store = new CopyStore(database);
    return store.listCopies().map((copy) => ({ ...copy, ownership: store.ownership(copy.id) }));
  } finally {
    database.close();
  }
}

/** Waits until a snapshot of `transfer` fits: progress has no events. */
export async function untilSnapshot(
  transfer: Transfer,
  fits: (snapshot: TransferSnapshot) => boolean,
): Promise<TransferSnapshot> {
  for (;;) {
    const snapshot = transfer.snapshot();
    if (fits(snapshot)) return snapshot;
    await delay(5);
  }
}

/** A tracker that takes connections and never answers. @returns its announce URL */
export async function aSilentTracker(fixture: EngineFixture): Promise<{ url: string; asked: Promise<void> }> {
  const sockets = new Set<Socket>();
  let tell = (): void => {};
  const asked = new Promise<void>((resolve) => (tell = resolve));
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => tell());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  fixture.onClose(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/announce`, asked };
}

/** Expects that `work` rejects with one of our errors of that code. @returns it */
export async function rejection(code: ErrorCode, work: Promise<unknown>): Promise<P2pError> {
  const error = await work.then(
    () => new Error(`expected ${code}, but it succeeded`),
    (thrown: unknown) => thrown,
  );
  if (error instanceof P2pError && error.code === code) return error;
  throw new Error(`expected ${code}, got ${String(error)}`, { cause: error });
}
