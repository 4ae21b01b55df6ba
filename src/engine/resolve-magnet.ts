/**
 * From a magnet link to metainfo: what the state store has, else what a catalogue of the link's trackers gives, else the
 * metadata of peers (BEP 9).
 */
import { MetainfoError, P2pError, TrackerError } from '../errors.js';
import { buildMetainfo } from '../metainfo/build-metainfo.js';
import { parseMagnet, type Magnet } from '../metainfo/magnet.js';
import type { Metainfo } from '../metainfo/metainfo.js';
import { parseInfoBytes, parseMetainfo } from '../metainfo/parse-metainfo.js';
import type { PeerId } from '../protocol/peer-address.js';
import type { MetadataSnapshot } from '../swarm/metadata-swarm.js';
import { formatDuration } from '../units.js';
import { CLIENT } from './client-name.js';
import type { EngineContext } from './engine-context.js';
import type { DownloadRequest, ResolvedTarget } from './engine-types.js';
import type { MetadataSession } from './metadata-session.js';
import { reachablePeers } from './reachable-peers.js';
import { fromMagnet, lookUpHash, magnetNotFound, trackerTiersOf } from './target-resolver.js';
import { whenFree } from './when-free.js';

/** A catalogue answers in a moment, and then nobody else needs to be asked. */
const CATALOGUE_AHEAD_MS = 500;
const GOODBYE_MS = 200;
const REPORT_MS = 250;

/** A target whose swarm knows us already. */
export interface FoundTarget extends ResolvedTarget {
  /** The peer id under which the trackers know this process; undefined when they were not told of it. */
  readonly peerId?: PeerId;
}

/**
 * The torrent of a magnet link, kept in the state store as soon as it is known.
 * @throws {P2P_MAGNET_INVALID} {P2P_METAINFO_MISMATCH} {P2P_METAINFO_INVALID} and others of reading metainfo
 * @throws {P2P_TARGET_NOT_FOUND} when neither the link nor the user names anybody to ask
 * @throws {P2P_NOBODY_ANSWERED} {P2P_INCOMPLETE} when nothing came for `timeoutMs`
 */
export async function resolveMagnet(
  engine: EngineContext,
  request: Pick<DownloadRequest, 'target' | 'trackers' | 'timeoutMs' | 'peers'>,
): Promise<FoundTarget> {
  const magnet = parseMagnet(request.target);
  const named = [...request.trackers, ...magnet.trackers];
  const stored = engine.store().metainfoBytes(magnet.infoHash);
  if (stored) return fromMagnet(magnet, parseMetainfo(stored), request.trackers);
  const over = new AbortController();
  const inCatalogue = askCatalogues(engine, magnet, named, AbortSignal.any([engine.signal, over.signal]));
  try {
    const isAlone = named.length === 0 && magnet.peers.length === 0 && !hasOtherWays(engine, request.peers);
    const early = await (isAlone ? inCatalogue : Promise.race([inCatalogue, after(CATALOGUE_AHEAD_MS, over.signal)]));
    engine.signal.throwIfAborted();
    if (!early && isAlone) throw magnetNotFound(magnet, named);
    const found = early ? { metainfo: early, peers: [] } : await askEverybody(engine, magnet, request, inCatalogue);
    const target = fromMagnet(magnet, found.metainfo, request.trackers);
    await keep(engine, target);
    const peers = [...target.peers, ...found.peers];
    return { ...target, peers, ...(found.peerId && { peerId: found.peerId }) };
  } finally {
    over.abort();
  }
}

/** Whether peers may be found though neither the link nor the user names a tracker. */
function hasOtherWays({ config }: EngineContext, peers: DownloadRequest['peers'] = []): boolean {
  return peers.length > 0 || config.localDiscovery === true || config.dht === true;
}

/** A download that is killed before it began goes on without asking again. */
async function keep(engine: EngineContext, { metainfo, trackerTiers }: ResolvedTarget): Promise<void> {
  const { infoBytes, webSeeds } = metainfo;
  const metainfoBytes = buildMetainfo({ infoBytes, trackerTiers, webSeeds, createdBy: CLIENT });
  await whenFree(() => {
    engine.store().keepTorrent(metainfo, metainfoBytes);
  }, engine.signal);
}

/** Undefined when no catalogue has it: none needs to be there. Never rejects, but for our own bugs. */
async function askCatalogues(
  engine: EngineContext,
  magnet: Magnet,
  named: readonly string[],
  signal: AbortSignal,
): Promise<Metainfo | undefined> {
  try {
    return await lookUpHash(magnet.infoHash, named, signal);
  } catch (error) {
    if (signal.aborted || error instanceof TrackerError) return undefined;
    if (!(error instanceof MetainfoError)) throw error;
    engine.note(`a catalogue is passed over: ${error.message}`);
    return undefined;
  }
}

interface Found extends Pick<FoundTarget, 'peerId' | 'peers'> {
  readonly metainfo: Metainfo;
}

/** Peers, and the catalogues that have not answered yet. */
async function askEverybody(
  engine: EngineContext,
  magnet: Magnet,
  { trackers, timeoutMs, peers: typedPeers = [] }: Pick<DownloadRequest, 'trackers' | 'timeoutMs' | 'peers'>,
  inCatalogue: Promise<Metainfo | undefined>,
): Promise<Found> {
  const trackerTiers = trackerTiersOf([...trackers, ...magnet.trackers], []);
  const listenPorts = await engine.listen();
  const peers = await reachablePeers(engine, [...typedPeers, ...magnet.peers]);
  const session = engine.searchMetadata({ infoHash: magnet.infoHash, trackerTiers, listenPorts, peers });
  const report = new SearchReport(engine, magnet, session);
  try {
    session.start();
    const found = await Promise.race([
      session.found.then(({ infoBytes, peers: seen }): Found => {
        return { metainfo: parseInfoBytes(infoBytes), peers: seen, peerId: session.peerId };
      }),
      inCatalogue.then((metainfo) => (metainfo ? { metainfo, peers: [] } : never<Found>())),
      report.watch(timeoutMs),
    ]);
    report.end('found');
    return found;
  } catch (error) {
    report.end('given-up');
    throw error;
  } finally {
    await session.stop(GOODBYE_MS);
  }
}

/** Tells how the search goes, and ends it when nothing comes. */
class SearchReport {
  readonly #engine: EngineContext;
  readonly #magnet: Magnet;
  readonly #session: MetadataSession;
  #timer: NodeJS.Timeout | undefined;
  #last = '';
  #receivedBytes = 0;
  #progressMs = performance.now();
  readonly #ended = new AbortController();

  constructor(engine: EngineContext, magnet: Magnet, session: MetadataSession) {
    this.#engine = engine;
    this.#magnet = magnet;
    this.#session = session;
  }

  /** Never resolves. @throws when nothing came for `timeoutMs`; the engine's reason when it closes */
  watch(timeoutMs: number | undefined): Promise<never> {
    this.#tell('searching');
    const { signal } = this.#engine;
    return new Promise((_, reject) => {
      this.#timer = setInterval(
        () => {
          const snapshot = this.#tell('searching');
          if (timeoutMs !== undefined && this.#idleMs(snapshot) >= timeoutMs) reject(nothingCame(snapshot, timeoutMs));
        },
        Math.min(REPORT_MS, timeoutMs ?? REPORT_MS),
      );
      const onAbort = (): void => {
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort, { signal: this.#ended.signal });
    });
  }

  end(state: 'found' | 'given-up'): void {
    clearInterval(this.#timer);
    this.#ended.abort();
    this.#tell(state);
  }

  #tell(state: 'searching' | 'found' | 'given-up'): MetadataSnapshot {
    const snapshot = this.#session.snapshot();
    const { peers, receivedBytes, totalBytes, everAnswered, trackers } = snapshot;
    const failed = everAnswered ? undefined : trackers.find(({ message }) => message !== '');
    const { infoHash, name } = this.#magnet;
    const figures = { peers, receivedBytes, totalBytes, problem: failed?.message };
    const event = { type: 'finding-metadata', state, infoHash, name, ...figures } as const;
    const text = JSON.stringify(event);
    if (text !== this.#last) this.#engine.emit(event);
    this.#last = text;
    return snapshot;
  }

  /** How long nothing came. */
  #idleMs({ receivedBytes }: MetadataSnapshot): number {
    if (receivedBytes > this.#receivedBytes) this.#progressMs = performance.now();
    this.#receivedBytes = receivedBytes;
    return performance.now() - this.#progressMs;
  }
}

function nothingCame({ everAnswered, trackers, peers, offeringPeers }: MetadataSnapshot, timeoutMs: number): P2pError {
  const since = `no metadata for the magnet link in ${formatDuration(timeoutMs)}`;
  const details = { peers, offeringPeers };
  if (everAnswered) {
    const connected = peers === 1 ? '1 peer is connected' : `${peers} peers are connected`;
    const offering = offeringPeers === 0 ? 'none offers it' : `${offeringPeers} of them offer it`;
    const message = `${since}: ${connected}, and ${offering}; start a peer that has the torrent, then the same command again`;
    return new P2pError('P2P_INCOMPLETE', message, details);
  }
  const why = trackers.map(({ url, message }) => `${url}: ${message || 'no answer'}`).join('; ');
  const message = `${since}, and no tracker or peer ever answered (${why}); check -i and -d, name a tracker with --tracker or a peer with --peer, or ask the DHT with --dht`;
  return new P2pError('P2P_NOBODY_ANSWERED', message, details);
}

/** Resolves with nothing, also when the signal aborts. */
function after(durationMs: number, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, durationMs, undefined);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}

function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}
