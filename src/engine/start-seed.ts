/** From a path to a torrent that is served: built or read, published, joined. */
import { InvariantError, OptionError } from '../errors.js';
import type { HashRegistry } from '../hashing/hash-registry.js';
import { buildMetainfo } from '../metainfo/build-metainfo.js';
import { formatMagnet } from '../metainfo/magnet.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import { isCreatedPieceLength } from '../metainfo/piece-length.js';
import { Bitfield } from '../protocol/bitfield.js';
import type { TorrentFile } from '../workers/worker-messages.js';
import { findTwins } from './catalogues.js';
import { CLIENT } from './client-name.js';
import { checkTrackers, type EngineContext } from './engine-context.js';
import type { CreateResult, SeedRequest, SeedResult } from './engine-types.js';
import { checkPieces } from './piece-hashing.js';
import { pieceMask } from './piece-mask.js';
import { Seed } from './seed.js';
import { Publication, type PublicationOptions } from './publication.js';
import { readSource, sourceFiles, type Source } from './source-files.js';
import { DEFAULT_TRACKER, readTorrent, trackerTiersOf } from './target-resolver.js';
import { buildTorrent, type TorrentForm } from './torrent-builder.js';
import { presentFiles } from './torrent-files.js';

/** How often a source is hashed at most to find the form of a twin. */
const MAX_FORMS = 3;

/** What `EngineApi.seed` promises. */
export async function startSeed(engine: EngineContext, request: SeedRequest): Promise<SeedResult> {
  checkTrackers(request.trackers);
  const source = await readSource(request.path, engine.signal);
  const given = request.torrentFile === undefined ? undefined : await readGivenTorrent(request.torrentFile);
  const trackerTiers = trackerTiersOf(request.trackers, given?.trackerTiers ?? []);
  const trackers = trackerTiers.flat();
  const { metainfo, files, owned, namesakes } = given
    ? await takeGiven(engine, given, source, request.trust ?? false)
    : await buildForSeeding(engine, request, source, trackers);
  const mask = pieceMask(metainfo.layout, request.mask);
  const listenPorts = await engine.listen();
  const metainfoBytes = buildMetainfo({ infoBytes: metainfo.infoBytes, trackerTiers, createdBy: CLIENT });
  const publication = publicationOf(engine, metainfo, request.trackers, { trackers, bytes: metainfoBytes });
  const published = await publication.publishAll();
  const { rootPath } = source;
  const seed = beginSeeding(engine, {
    metainfo,
    rootPath,
    metainfoBytes,
    trackerTiers,
    files,
    owned,
    mask,
    listenPorts,
    onAnnounced: (url) => {
      publication.handleAnnounced(url);
    },
  });
  return { transfer: seed, trackers, magnet: formatMagnet(metainfo, { trackers }), published, namesakes };
}

/** A torrent and what of it lies here. */
interface Present {
  readonly metainfo: Metainfo;
  readonly files: readonly TorrentFile[];
  readonly owned: Bitfield;
  /** Other torrents that are published under its name. */
  readonly namesakes: readonly string[];
}

interface Beginning extends Omit<Present, 'namesakes'> {
  readonly rootPath: string;
  readonly metainfoBytes: Uint8Array;
  readonly trackerTiers: readonly (readonly string[])[];
  readonly mask: Bitfield | undefined;
  readonly listenPorts: readonly number[];
  readonly onAnnounced: (url: string) => void;
}

/** From here on nothing is waited for: the seed is there with all its parts, or not at all. */
function beginSeeding(engine: EngineContext, beginning: Beginning): Seed {
  const { metainfo, rootPath, metainfoBytes, trackerTiers: tiers, owned } = beginning;
  const store = engine.store();
  const torrentId = engine.nextTorrentId();
  const session = engine.makeSession({
    ...beginning,
    torrentId,
    wantsPieces: false,
    peers: [],
    recorder: undefined,
    onComplete: () => undefined,
    onFailed: (error) => {
      seed.handleFailed(error);
    },
  });
  const copy = store.openCopy({ metainfo, rootPath, role: 'seed', metainfoBytes, tiers, owned, isDurable: false });
  store.setState(copy, 'seeding');
  const seed = new Seed(metainfo, rootPath, (upTotalBytes) => {
    engine.unregister(torrentId);
    store.closeCopy(copy, 'stopped', { down: 0, up: upTotalBytes });
  });
  engine.register(torrentId, seed);
  seed.start(session);
  return seed;
}

/** A torrent that the user names: what of it is there. */
async function takeGiven(engine: EngineContext, metainfo: Metainfo, source: Source, trust: boolean): Promise<Present> {
  for (const note of metainfo.notes) engine.note(note);
  const files = await presentFiles(metainfo, source.rootPath);
  return { metainfo, files, owned: await ownedForSeeding(engine, metainfo, files, trust), namesakes: [] };
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
  let built: CreateResult | undefined;
  for (const form of forms.length > 0 ? forms : [{ pieceLengthBytes, hashes }]) {
    const attempt = await buildAs(engine, source, form, trackers);
    const isTwin = twins.some((twin) => twin.infoHash === attempt.metainfo.infoHash);
    if (!built || isTwin) built = attempt;
    if (isTwin) break;
  }
  if (!built) throw new InvariantError('no torrent was built');
  const { metainfo, notes } = built;
  for (const note of notes) engine.note(note);
  const others = namesakes.filter((infoHash) => infoHash !== metainfo.infoHash);
  warnOfOthers(engine, metainfo, others);
  const owned = Bitfield.full(metainfo.layout.pieceCount);
  return { metainfo, files: sourceFiles(source), owned, namesakes: others };
}

function buildAs(
  engine: EngineContext,
  source: Source,
  form: TorrentForm,
  trackers: readonly string[],
): Promise<CreateResult> {
  return buildTorrent(
    {
      ...form,
      source,
      trackerTiers: trackers.map((url) => [url]),
      isPrivate: false,
      comment: undefined,
      createdBy: CLIENT,
      onProgress: engine.hashing(source.name),
    },
    engine.hashTools(),
  );
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

/** What of a given torrent is there: believed when told so, hashed otherwise. */
async function ownedForSeeding(
  engine: EngineContext,
  metainfo: Metainfo,
  files: readonly TorrentFile[],
  trust: boolean,
): Promise<Bitfield> {
  const { pieceCount } = metainfo.layout;
  if (trust) return Bitfield.full(pieceCount);
  const { good } = await checkPieces({
    ...engine.hashTools(),
    metainfo,
    files,
    verifyWith: engine.config.verifyWith,
    onProgress: engine.hashing(metainfo.name),
  });
  const missing = pieceCount - good.count();
  if (missing > 0) {
    engine.note(`${missing} of ${pieceCount} pieces of ${metainfo.name} are missing or wrong: not offered`);
  }
  return good;
}
