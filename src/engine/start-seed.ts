/** From a path to a torrent that is served: built or read, published, joined. */
import { OptionError } from '../errors.js';
import { buildMetainfo } from '../metainfo/build-metainfo.js';
import { formatMagnet } from '../metainfo/magnet.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import { Bitfield } from '../protocol/bitfield.js';
import type { TorrentFile } from '../workers/worker-messages.js';
import { findTwins, publishEverywhere, type PublishRequest } from './catalogues.js';
import { CLIENT } from './client-name.js';
import { checkTrackers, type EngineContext } from './engine-context.js';
import type { CreateResult, SeedRequest, SeedResult } from './engine-types.js';
import { checkPieces } from './piece-hashing.js';
import { pieceMask } from './piece-mask.js';
import { Seed } from './seed.js';
import { readSource, type Source } from './source-files.js';
import { DEFAULT_TRACKER, readTorrent, trackerTiersOf } from './target-resolver.js';
import { buildTorrent } from './torrent-builder.js';
import { presentFiles } from './torrent-files.js';

/** What `EngineApi.seed` promises. */
export async function startSeed(engine: EngineContext, request: SeedRequest): Promise<SeedResult> {
  checkTrackers(request.trackers);
  const source = await readSource(request.path);
  const given = request.torrentFile === undefined ? undefined : await readGivenTorrent(request.torrentFile);
  const trackerTiers = trackerTiersOf(request.trackers, given?.trackerTiers ?? []);
  const trackers = trackerTiers.flat();
  const metainfo = given ?? (await buildForSeeding(engine, request, source, trackers)).metainfo;
  for (const note of given?.notes ?? []) engine.note(note);
  const mask = pieceMask(metainfo.layout, request.mask);
  const files = await presentFiles(metainfo, source.rootPath);
  const owned = given
    ? await ownedForSeeding(engine, metainfo, files, request.trust ?? false)
    : Bitfield.full(metainfo.layout.pieceCount);
  const listenPorts = await engine.listen();
  const metainfoBytes = buildMetainfo({ infoBytes: metainfo.infoBytes, trackerTiers, createdBy: CLIENT });
  const published = await publish(engine, metainfo, request.trackers, { trackers, bytes: metainfoBytes });
  const store = engine.store();
  const { rootPath } = source;
  const copy = store.openCopy({ metainfo, rootPath, role: 'seed', metainfoBytes, tiers: trackerTiers, owned });
  const torrentId = engine.nextTorrentId();
  const seed = new Seed(metainfo, rootPath, (upTotalBytes) => {
    engine.unregister(torrentId);
    store.closeCopy(copy, 'stopped', { down: 0, up: upTotalBytes });
  });
  engine.register(torrentId, seed);
  const session = engine.makeSession({
    torrentId,
    metainfo,
    files,
    owned,
    mask,
    wantsPieces: false,
    trackerTiers,
    peers: [],
    listenPorts,
    recorder: undefined,
    onComplete: () => undefined,
    onFailed: (error) => {
      seed.handleFailed(error);
    },
  });
  seed.start(session);
  return { transfer: seed, trackers, magnet: formatMagnet(metainfo, { trackers }), published };
}

async function readGivenTorrent(file: string): Promise<Metainfo> {
  const metainfo = await readTorrent(file);
  if (!metainfo) throw new OptionError(`there is no .torrent file '${file}'`, { path: file }, 'P2P_PATH_NOT_FOUND');
  return metainfo;
}

/** @param named trackers of the command line: no others are shown the token */
function publish(
  engine: EngineContext,
  metainfo: Metainfo,
  named: readonly string[],
  what: Pick<PublishRequest, 'trackers' | 'bytes'>,
): Promise<boolean> {
  if (metainfo.isPrivate) return Promise.resolve(false);
  const onNote = (message: string): void => {
    engine.note(message);
  };
  const trusted = named.length > 0 ? named : [DEFAULT_TRACKER];
  return publishEverywhere({ ...what, token: engine.config.token, trusted, onNote });
}

/** Built in the form of a published torrent of that name and size, so that equal bytes join one swarm. */
async function buildForSeeding(
  engine: EngineContext,
  request: SeedRequest,
  source: Source,
  trackers: readonly string[],
): Promise<CreateResult> {
  const isFree = request.pieceLengthBytes === undefined && request.hashes === undefined;
  const { twins, namesakes } = await findTwins(trackers, source.name, source.totalBytes);
  const twin = isFree ? twins[0] : undefined;
  const built = await buildTorrent(
    {
      source,
      trackerTiers: [trackers],
      pieceLengthBytes: twin?.layout.pieceLengthBytes ?? request.pieceLengthBytes,
      hashes: twin ? [...twin.digests.keys()].filter((name) => engine.registry.find(name)) : request.hashes,
      isPrivate: false,
      comment: undefined,
      createdBy: CLIENT,
      onProgress: engine.hashing(source.name),
    },
    engine.hashTools(),
  );
  for (const note of built.notes) engine.note(note);
  const others = namesakes.filter((infoHash) => infoHash !== built.metainfo.infoHash);
  if (others.length > 0) {
    engine.note(
      `another '${source.name}' is published already (${others.join(', ')}); ` +
        `others get this one by its info hash: ${built.metainfo.infoHash}`,
    );
  }
  return built;
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
