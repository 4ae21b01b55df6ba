/** From a path to a torrent that is served: known, built or read, published, joined. */
import { closeSync, constants, openSync } from 'node:fs';

import { InvariantError, OptionError } from '../errors.js';
import type { HashRegistry } from '../hashing/hash-registry.js';
import { buildMetainfo } from '../metainfo/build-metainfo.js';
import { formatMagnet } from '../metainfo/magnet.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import { isCreatedPieceLength } from '../metainfo/piece-length.js';
import { Bitfield } from '../protocol/bitfield.js';
import type { CopyFile } from '../store/copy-store.js';
import { Flusher } from '../workers/flusher.js';
import type { TorrentFile } from '../workers/worker-messages.js';
import { findTwins } from './catalogues.js';
import { CLIENT } from './client-name.js';
import { checkTrackers, type EngineContext } from './engine-context.js';
import type { ResolvedTarget, ResumeRequest, SeedRequest, SeedResult } from './engine-types.js';
import type { CopyRecorder } from './copy-recorder.js';
import { underFinalName } from './copy-trust.js';
import { stampFiles } from './file-stamps.js';
import { findKnownTorrents, hasForm, type BuiltSource } from './known-torrents.js';
import { findPresent, type PresentPieces } from './find-present.js';
import { pieceMask } from './piece-mask.js';
import { Seed } from './seed.js';
import { Publication, type PublicationOptions } from './publication.js';
import { sayResumed } from './recall-copy.js';
import { checkSeedLimits, SeedWatch, type SeedLimits } from './seed-limits.js';
import { ServedCopy } from './served-copy.js';
import { readSource, sourceFiles, type Source } from './source-files.js';
import { DEFAULT_TRACKER, readTorrent, trackerTiersOf } from './target-resolver.js';
import { buildTorrent, type TorrentForm } from './torrent-builder.js';
import { presentFiles } from './torrent-files.js';
import { whileChecking } from './while-checking.js';
import { whenFree } from './when-free.js';

const { O_RDONLY } = constants;
/** Absent on Windows. Elsewhere a named pipe may have come in a file's place: to open one would wait for its other end. */
const { O_NONBLOCK = 0 } = constants as { readonly O_NONBLOCK?: number };
/** How often a source is hashed at most to find the form of a twin. */
const MAX_FORMS = 3;

/** What `EngineApi.seed` promises. */
export async function startSeed(engine: EngineContext, request: SeedRequest): Promise<SeedResult> {
  checkTrackers(request.trackers);
  checkSeedLimits(request);
  const source = await readSource(request.path, engine.signal);
  const given = request.torrentFile === undefined ? undefined : await readGivenTorrent(request.torrentFile);
  const trackerTiers = trackerTiersOf(request.trackers, given?.trackerTiers ?? []);
  const trackers = trackerTiers.flat();
  const present = given
    ? await takeGiven(engine, given, source, request.trust ?? false)
    : await buildForSeeding(engine, request, source, trackers);
  const { metainfo, namesakes } = present;
  const mask = pieceMask(metainfo.layout, request.mask);
  const listenPorts = await engine.listen();
  const { infoBytes, webSeeds } = metainfo;
  const metainfoBytes = buildMetainfo({ infoBytes, trackerTiers, webSeeds, createdBy: CLIENT });
  const publication = publicationOf(engine, metainfo, request.trackers, { trackers, bytes: metainfoBytes });
  const published = await publication.publishAll();
  const { rootPath } = source;
  const onAnnounced = (url: string): void => {
    publication.handleAnnounced(url);
  };
  const joining = { metainfoBytes, trackerTiers, mask, listenPorts, onAnnounced, limits: request };
  const beginning = { ...present, rootPath, ...joining };
  const seed = await whenFree(() => beginSeeding(engine, beginning), engine.signal);
  return { transfer: seed, trackers, magnet: formatMagnet(metainfo, { trackers }), published, namesakes };
}

/**
 * Seeds a stored copy again, as the torrent that it is. The catalogues hear of it when they answer: nobody waits for them.
 * @param request trackers of the command line, and when it is enough
 */
export async function resumeSeed(
  engine: EngineContext,
  { metainfo, trackerTiers }: ResolvedTarget,
  rootPath: string,
  { trackers: named, ...limits }: SeedLimits & Pick<ResumeRequest, 'trackers'>,
): Promise<Seed> {
  checkSeedLimits(limits);
  const files = await presentFiles(metainfo, rootPath);
  const found = await findForSeeding(engine, metainfo, files, rootPath);
  if (found.owned.isEmpty() && metainfo.layout.pieceCount > 0) {
    throw new OptionError(
      `nothing of ${metainfo.name} is at '${rootPath}' any more`,
      { path: rootPath },
      'P2P_PATH_NOT_FOUND',
    );
  }
  const listenPorts = await engine.listen();
  const { infoBytes, webSeeds } = metainfo;
  const metainfoBytes = buildMetainfo({ infoBytes, trackerTiers, webSeeds, createdBy: CLIENT });
  const trackers = trackerTiers.flat();
  const publication = publicationOf(engine, metainfo, named, { trackers, bytes: metainfoBytes });
  publication.publishWhenAnnounced();
  const onAnnounced = (url: string): void => {
    publication.handleAnnounced(url);
  };
  const beginning = {
    ...found,
    ...{ metainfo, files, rootPath, metainfoBytes, trackerTiers, mask: undefined, listenPorts, onAnnounced, limits },
  };
  return whenFree(() => beginSeeding(engine, beginning), engine.signal);
}

/** A torrent and what of it lies here. */
interface Present {
  readonly metainfo: Metainfo;
  readonly files: readonly TorrentFile[];
  readonly owned: Bitfield;
  /** How the files looked before `owned` was found out. */
  readonly stamps: ReadonlyMap<number, CopyFile>;
  /** Whether a power cut cannot take any of it away. */
  readonly isDurable: boolean;
  /** Other torrents that are published under its name. */
  readonly namesakes: readonly string[];
}

export interface SeedBeginning extends Omit<Present, 'namesakes'> {
  readonly rootPath: string;
  readonly metainfoBytes: Uint8Array;
  readonly trackerTiers: readonly (readonly string[])[];
  readonly mask: Bitfield | undefined;
  readonly listenPorts: readonly number[];
  readonly onAnnounced: (url: string) => void;
  readonly limits: SeedLimits;
}

/** Nothing is waited for: the seed is there with all its parts, or (when the store cannot be written) not at all. */
export function beginSeeding(engine: EngineContext, beginning: SeedBeginning): Seed {
  const { metainfo, rootPath, metainfoBytes, trackerTiers: tiers, owned, stamps, isDurable } = beginning;
  const store = engine.store();
  const copy = store.openCopy({
    ...{ metainfo, rootPath, role: 'seed', metainfoBytes, tiers, owned, isDurable, state: 'seeding' },
    files: stamps.values(),
  });
  const served = new ServedCopy({
    engine,
    metainfo,
    files: beginning.files,
    stamps,
    owned,
    copy,
    join: (stamped, held) =>
      engine.makeSession({
        ...beginning,
        files: stamped,
        owned: held,
        wantsPieces: false,
        peers: [],
        recorder: undefined,
        onComplete: () => undefined,
        onFailed: (error) => {
          seed.handleFailed(error);
        },
        onServingFailed: (error) => {
          served.handleServingFailed(error);
        },
      }),
  });
  const onOver = (): void => {
    engine.unregister(seed);
  };
  const seedWatch = new SeedWatch(beginning.limits);
  const onNote = (message: string): void => {
    engine.note(message);
  };
  const seed = new Seed({ metainfo, rootPath, served, seedWatch, onNote, copy, store, onOver });
  engine.register(seed);
  seed.start();
  if (!isDurable) void makeDurable(engine, { copy, owned, files: beginning.files });
  return seed;
}

/**
 * Has the system write down what was hashed perhaps only in its memory: then a crash of the machine costs no new hashing.
 * Nobody waits for it.
 */
async function makeDurable(
  engine: EngineContext,
  { copy, owned, files }: { copy: CopyRecorder; owned: Bitfield; files: readonly TorrentFile[] },
): Promise<void> {
  const flusher = new Flusher();
  for (const { path } of files) {
    if (path === undefined || engine.signal.aborted) continue;
    try {
      const fd = openSync(path, O_RDONLY | O_NONBLOCK);
      await flusher.flush(fd).finally(() => {
        closeSync(fd);
      });
    } catch (error) {
      // Some network file systems cannot, and a file may be gone: it is hashed again after a crash.
      if (typeof (error as NodeJS.ErrnoException).code === 'string') return;
      throw error;
    }
  }
  if (!engine.signal.aborted) copy.record({ durable: [...owned.indices()] });
}

/** A torrent that the user names: what of it is there. */
async function takeGiven(engine: EngineContext, metainfo: Metainfo, source: Source, trust: boolean): Promise<Present> {
  for (const note of metainfo.notes) engine.note(note);
  const files = await presentFiles(metainfo, source.rootPath);
  const found = trust
    ? { owned: Bitfield.full(metainfo.layout.pieceCount), stamps: await stampFiles(files), isDurable: false }
    : await findForSeeding(engine, metainfo, files, source.rootPath);
  return { ...found, metainfo, files, namesakes: [] };
}

async function readGivenTorrent(file: string): Promise<Metainfo> {
  const metainfo = await readTorrent(file);
  if (!metainfo) throw new OptionError(`there is no .torrent file '${file}'`, { path: file }, 'P2P_PATH_NOT_FOUND');
  return metainfo;
}

/** @param named trackers of the command line: no others are shown the token */
function publicationOf(
  engine: EngineContext,
  metainfo: Metainfo,
  named: readonly string[],
  what: Pick<PublicationOptions, 'trackers' | 'bytes'>,
): Publication {
  return new Publication({
    trackers: metainfo.isPrivate ? [] : what.trackers,
    bytes: what.bytes,
    token: engine.config.token,
    trusted: named.length > 0 ? named : [DEFAULT_TRACKER],
    signal: engine.signal,
    gate: engine.announceGate,
    onNote: (message) => {
      engine.note(message);
    },
  });
}

/** Built in the form of a published torrent of that name and size, so that equal bytes join one swarm. */
async function buildForSeeding(
  engine: EngineContext,
  request: SeedRequest,
  source: Source,
  trackers: readonly string[],
): Promise<Present> {
  const { pieceLengthBytes, hashes } = request;
  const { twins, namesakes } = await findTwins(trackers, source, engine.signal);
  const isFree = pieceLengthBytes === undefined && hashes === undefined;
  const forms = isFree ? formsOf(twins, engine.registry) : [];
  const known = await findKnownTorrents(engine, source);
  let built: BuiltSource | undefined;
  for (const form of forms.length > 0 ? forms : [{ pieceLengthBytes, hashes }]) {
    const attempt =
      known.find((each) => hasForm(each.metainfo, form)) ?? (await buildAs(engine, source, form, trackers));
    const isTwin = twins.some((twin) => twin.infoHash === attempt.metainfo.infoHash);
    if (!built || isTwin) built = attempt;
    if (isTwin) break;
  }
  if (!built) throw new InvariantError('no torrent was built');
  const { metainfo, notes, stamps, isDurable, files } = built;
  for (const note of notes) engine.note(note);
  const { pieceCount } = metainfo.layout;
  const owned = Bitfield.full(pieceCount);
  if (built.isKnown) sayResumed(engine, metainfo, { owned, trustedPieces: pieceCount, hashedPieces: 0 });
  const others = namesakes.filter((infoHash) => infoHash !== metainfo.infoHash);
  warnOfOthers(engine, metainfo, others);
  return { metainfo, files, owned, stamps, isDurable, namesakes: others };
}

async function buildAs(
  engine: EngineContext,
  source: Source,
  form: TorrentForm,
  trackers: readonly string[],
): Promise<BuiltSource> {
  const files = sourceFiles(source);
  const stamps = await stampFiles(files);
  const { metainfo, notes } = await buildTorrent(
    {
      ...form,
      source,
      trackerTiers: trackers.map((url) => [url]),
      webSeeds: [],
      isPrivate: false,
      comment: undefined,
      createdBy: CLIENT,
      onProgress: engine.hashing(source.name),
    },
    engine.hashTools(),
  );
  return { metainfo, notes, files, stamps, isDurable: false, isKnown: false };
}

/** The forms of the twins that can be made here, without repeats. */
function formsOf(twins: readonly Metainfo[], registry: HashRegistry): TorrentForm[] {
  const forms = new Map<string, TorrentForm>();
  for (const { layout, digests } of twins) {
    const { pieceLengthBytes } = layout;
    const hashes = [...digests.keys()];
    if (!isCreatedPieceLength(pieceLengthBytes) || !hashes.every((name) => registry.find(name))) continue;
    forms.set(`${pieceLengthBytes} ${hashes.toSorted().join()}`, { pieceLengthBytes, hashes });
  }
  return [...forms.values()].slice(0, MAX_FORMS);
}

function warnOfOthers(engine: EngineContext, { name, infoHash }: Metainfo, others: readonly string[]): void {
  if (others.length === 0) return;
  engine.note(
    `another '${name}' is published already (${others.join(', ')}); others get this one by its info hash: ${infoHash}`,
  );
}

/** What of a torrent is there: what the store knows and nobody touched is believed, the rest is hashed. */
export async function findForSeeding(
  engine: EngineContext,
  metainfo: Metainfo,
  files: readonly TorrentFile[],
  rootPath: string,
): Promise<PresentPieces> {
  const known = engine.store().known(metainfo.infoHash, rootPath);
  const tools = {
    ...engine.hashTools(),
    verifyWith: engine.config.verifyWith,
    onProgress: engine.hashing(metainfo.name),
  };
  const found = await whileChecking(engine, metainfo, rootPath, () =>
    findPresent(metainfo, files, known && underFinalName(known), tools),
  );
  if (known) sayResumed(engine, metainfo, found);
  const { pieceCount } = metainfo.layout;
  const missing = pieceCount - found.owned.count();
  if (missing > 0) {
    engine.note(`${missing} of ${pieceCount} pieces of ${metainfo.name} are missing or wrong: not offered`);
  }
  return found;
}
