/**
 * Everything that is decided about one torrent, behind three doors: `handle` takes what happened, `poll` gives what to
 * do, `nextWakeMs` says when to come back though nothing happened. No I/O, no clock, no chance but the seeded one: the
 * engine and the simulation drive the very same object.
 *
 * This class only passes events on. The decisions are made by `PieceTrade` (ledger, picker, endgame), `Choker`,
 * `PeerRoster`, `BanList` and `AnnounceTiers`. Measured by: benchmarks/swarm/simulation.bench.ts.
 */
import { InvariantError } from '../errors.js';
import { shownWebSeed } from '../metainfo/web-seeds.js';
import type { Bitfield } from '../protocol/bitfield.js';
import type { PeerAddress } from '../protocol/peer-address.js';
import { ActionQueue } from './action-queue.js';
import type { AnnounceNeed } from './announce-schedule.js';
import { AnnounceTiers } from './announce-tiers.js';
import { BanList, BLAME } from './ban-list.js';
import { Choker } from './choker.js';
import { PeerExchange, type ExchangeablePeer } from './peer-exchange.js';
import { PeerRoster } from './peer-roster.js';
import type { PeerSource } from './peer-source.js';
import { PieceSet } from './piece-set.js';
import { PieceTrade } from './piece-trade.js';
import type { SwarmConfig } from './swarm-config.js';
import type { SwarmAction, SwarmEvent } from './swarm-events.js';
import { SwarmLink } from './swarm-link.js';
import { SwarmReport } from './swarm-report.js';
import { SuperSeeder } from './super-seeder.js';
import type { SwarmSnapshot } from './swarm-snapshot.js';
import { WebSeedRoster } from './web-seed-roster.js';

const TICK_MS = 1_000;
/** Two ends that only upload part after a moment: a last `have` or a new `not upload only` may be on its way. */
const USELESS_MS = 2_000;
/** So long a connection may take until something goes over it; before that nobody takes its place. */
const SPARE_AFTER_MS = 60_000;
const NUM_WANT_DOWNLOADING = 80;
const NUM_WANT_SEEDING = 30;

type EventOf<Type extends SwarmEvent['type']> = Extract<SwarmEvent, { readonly type: Type }>;

export class Swarm {
  readonly #config: SwarmConfig;
  readonly #actions = new ActionQueue<SwarmAction>();
  readonly #links = new Map<number, SwarmLink>();
  readonly #trade: PieceTrade;
  readonly #superSeeder: SuperSeeder;
  readonly #choker: Choker;
  readonly #roster: PeerRoster;
  readonly #webSeeds: WebSeedRoster;
  readonly #bans = new BanList();
  /** None for a private torrent (BEP 27). */
  readonly #exchange: PeerExchange | undefined;
  readonly #announces: AnnounceTiers;
  readonly #report: SwarmReport;
  #nowMs: number;
  #lastTickMs: number;
  #needsChoker = false;
  /** When `#dial` has to look again: now, later, or not before something happens. */
  #dialMs: number | undefined;
  #bannedCount = 0;
  #peerEverAnswered = false;
  #isComplete = false;
  #isStopped = false;

  constructor(config: SwarmConfig, nowMs: number) {
    this.#config = config;
    this.#nowMs = nowMs;
    this.#lastTickMs = nowMs;
    this.#trade = new PieceTrade({ ...config, act: (action) => this.#actions.push(action) });
    this.#superSeeder = new SuperSeeder(config, this.#trade, (action) => this.#actions.push(action));
    this.#choker = new Choker(config, nowMs);
    const webSeeds = config.wantsPieces ? (config.webSeeds ?? []) : [];
    this.#webSeeds = new WebSeedRoster({ urls: webSeeds, random: config.random });
    this.#roster = new PeerRoster({
      ...config,
      ourPort: config.ourPort ?? 0,
      isBanned: (address) => this.#bans.isAddressBanned(address),
      isSpare: (linkId) => this.#isSpare(linkId),
    });
    this.#exchange = config.isPrivate === true ? undefined : new PeerExchange();
    this.#announces = new AnnounceTiers(config.trackerTiers, config.random, nowMs);
    this.#report = new SwarmReport(config.layout, this.#trade);
    this.#completeIfAllThere();
  }

  /** Verified pieces; a live view that only the swarm writes. */
  get owned(): Bitfield {
    return this.#trade.ledger.owned.bits;
  }

  /** Takes what happened. What names a link that is gone is passed over: messages cross. */
  handle(event: SwarmEvent, nowMs: number): void {
    this.#nowMs = Math.max(nowMs, this.#nowMs);
    switch (event.type) {
      case 'piece-verified':
        return this.#handleVerified(event);
      case 'piece-failed':
        return this.#handleFailed(event);
      case 'piece-released':
        return this.#handleReleased(event);
      case 'piece-kept':
        return this.#handleKept(event);
      case 'pieces-durable':
        return event.pieceIndices.forEach((pieceIndex) => this.#trade.ledger.makeDurable(pieceIndex));
      case 'pieces-lost':
      case 'pieces-regained':
        return this.#handleFilesChanged(event);
      case 'links-measured':
        return this.#handleMeasured(event);
      case 'peers-found':
        return this.#learnAddresses(event.addresses, event.source);
      case 'dial-failed':
        this.#roster.handleDialFailed(event.linkId, this.#nowMs);
        this.#dialMs = this.#nowMs;
        return;
      case 'web-seed-failed':
        return this.#handleWebSeedFailed(event);
      case 'link-handshaken':
        return this.#handleHandshake(event);
      case 'link-closed':
        return this.#handleClosed(event);
      case 'announce-succeeded':
        this.#announces.handleSucceeded(event, this.#nowMs);
        if (event.seeders !== undefined) this.#superSeeder.handleSeeders(event.seeders);
        return this.#learnAddresses(event.peers, 'tracker');
      case 'announce-failed':
        return this.#announces.handleFailed(event.url, event.message, this.#nowMs);
      case 'wake':
        return this.#tickIfDue();
      case 'stop':
        return this.#stop();
      default:
        return this.#handlePeer(event);
    }
  }

  /** The next thing to do; undefined when everything is said for now. */
  poll(): SwarmAction | undefined {
    const action = this.#actions.shift();
    if (action || this.#isStopped) return action;
    this.#trade.supplyDirty(this.#roster.halfOpenCount, this.#nowMs);
    this.#superSeeder.show(this.#nowMs);
    this.#choke();
    this.#openWebSeeds();
    this.#dial();
    this.#announce();
    return this.#actions.shift();
  }

  /** When to `handle` a `wake` if nothing happens before; undefined when only events matter. */
  nextWakeMs(): number | undefined {
    if (this.#isStopped) return undefined;
    let wakeMs = Infinity;
    if (this.#links.size > 0) wakeMs = Math.min(this.#lastTickMs + TICK_MS, this.#choker.nextRoundMs);
    wakeMs = Math.min(wakeMs, this.#nextWebSeedMs() ?? Infinity);
    wakeMs = Math.min(wakeMs, this.#dialMs ?? Infinity, this.#announces.nextMs(this.#announceNeed()) ?? Infinity);
    return wakeMs === Infinity ? undefined : wakeMs;
  }

  snapshot(nowMs: number): SwarmSnapshot {
    const standing = {
      knownPeers: this.#roster.unconnectedCount,
      bannedPeers: this.#bannedCount,
      trackers: this.#announces.snapshot(this.#announceNeed(), nowMs),
      webSeeds: this.#webSeeds.snapshot(nowMs),
      everAnswered: this.#peerEverAnswered || this.#announces.everAnswered,
    };
    return this.#report.snapshot([...this.#links.values()], standing, nowMs);
  }

  /** @throws {P2P_INVARIANT} when two parts disagree; for tests and the simulation, it walks over everything */
  assertInvariants(): void {
    this.#trade.assertInvariants();
    for (const link of this.#links.values()) {
      if (!this.#config.wantsPieces && link.amInterested) throw new InvariantError('a seeder is interested');
      if (link.isClosing && link.pieces) throw new InvariantError('a closing link counts for availability');
    }
  }

  #handlePeer(
    event: EventOf<
      | 'peer-extended'
      | 'peers-exchanged'
      | 'peer-has'
      | 'peer-have'
      | 'peer-dont-have'
      | 'peer-choked'
      | 'peer-unchoked'
      | 'peer-allowed-fast'
      | 'peer-suggested'
      | 'peer-interested'
      | 'peer-not-interested'
      | 'peer-asked'
    >,
  ): void {
    const link = this.#links.get(event.linkId);
    if (!link || link.isClosing) return;
    switch (event.type) {
      case 'peer-asked':
        return this.#superSeeder.handleAsked(link.linkId, event.pieceIndices, this.#nowMs);
      case 'peer-extended':
        return this.#handleExtended(link, event);
      case 'peers-exchanged':
        return this.#learnAddresses(this.#exchange?.pickBelieved(link.linkId, event.added) ?? [], 'pex');
      case 'peer-has':
        return this.#handleHas(link, event.pieces);
      case 'peer-have':
        return this.#handleHave(link, event);
      case 'peer-dont-have':
        this.#trade.handleDontHave(link, event.pieceIndex);
        this.#updateInterest(link);
        return this.#noteUseless(link);
      case 'peer-choked':
        link.peerChoking = true;
        return;
      case 'peer-unchoked':
        link.handleUnchoked();
        return this.#trade.touch(link);
      case 'peer-allowed-fast':
        link.allowedFast.add(event.pieceIndex);
        return this.#trade.touch(link);
      case 'peer-suggested':
        link.suggested.add(event.pieceIndex);
        return;
      case 'peer-interested':
      case 'peer-not-interested':
        link.peerInterested = event.type === 'peer-interested';
        this.#needsChoker = true;
        return;
      default:
        return assertNever(event);
    }
  }

  #handleHandshake(event: EventOf<'link-handshaken'>): void {
    const { linkId, address, incoming, peerId } = event;
    if (this.#links.has(linkId)) return;
    this.#dialMs = this.#nowMs;
    const blameKey = this.#bans.blameKey(address, peerId);
    if (!incoming) this.#bans.learnAddress(blameKey, address);
    if (this.#isStopped || this.#bans.isBanned(blameKey)) {
      this.#actions.push({ type: 'close', linkId, why: this.#isStopped ? 'stopped' : 'banned' });
      return;
    }
    const admission = this.#roster.handleHandshake(event, this.#nowMs);
    if (!admission.isAdmitted) {
      this.#actions.push({ type: 'close', linkId, why: admission.why });
      return;
    }
    this.#peerEverAnswered = true;
    const replaced = this.#links.get(admission.replaced ?? -1);
    if (replaced) this.#close(replaced, 'a duplicate connection');
    const link = new SwarmLink({ linkId, address, incoming, peerId, blameKey, admittedMs: this.#nowMs });
    const showsNothing = this.#superSeeder.handleAdmitted(link, this.#links.size === 0, this.#nowMs);
    link.source = this.#roster.sourceOf(linkId);
    this.#exchange?.handleChanged();
    this.#links.set(linkId, link);
    this.#trade.addLink(link);
    this.#actions.push({ type: 'admit', linkId, blameKey, ...(showsNothing && { showsNothing }) });
  }

  #handleExtended(link: SwarmLink, event: EventOf<'peer-extended'>): void {
    if (event.client !== '') link.client = event.client;
    link.uploadOnly = event.uploadOnly;
    this.#noteUseless(link);
    if (event.ourHost !== undefined) this.#roster.handleOurHost(link.linkId, event.ourHost);
    if (event.exchangesPeers === true) this.#exchange?.handleSupported(link.linkId, link.address.host, this.#nowMs);
    if (event.listenPort === undefined) return;
    const address = this.#roster.handleListenPort(link.linkId, event.listenPort, this.#nowMs);
    if (!address) return;
    link.listenAddress ??= address;
    link.source = this.#roster.sourceOf(link.linkId);
    this.#exchange?.handleChanged();
    this.#bans.learnAddress(link.blameKey, address);
    if (this.#bans.isBanned(link.blameKey)) this.#close(link, 'banned');
  }

  #handleHas(link: SwarmLink, pieces: EventOf<'peer-has'>['pieces']): void {
    if (link.pieces) return;
    const { pieceCount } = this.#config.layout;
    const told = PieceSet.told(pieceCount, pieces);
    this.#trade.handlePieces(link, told);
    this.#superSeeder.handlePieces(link.linkId, told);
    this.#updateInterest(link);
    this.#noteUseless(link);
  }

  #handleHave(link: SwarmLink, event: EventOf<'peer-have'>): void {
    // A peer that owns nothing may go without a bitfield.
    if (!link.pieces) this.#handleHas(link, 'none');
    this.#superSeeder.handleHaves(link.linkId, event.pieceIndices);
    if (this.#trade.handleHave(link, event.pieceIndices)) this.#setInterest(link, true);
    if (link.pieces?.isFull) this.#noteUseless(link);
  }

  #handleVerified(event: EventOf<'piece-verified'>): void {
    const link = this.#links.get(event.linkId);
    if (!link) return;
    if (link.webSeed !== undefined) {
      this.#webSeeds.handleVerified(link.linkId);
      this.#peerEverAnswered = true;
    }
    if (this.#trade.handleVerified(link, event, this.#nowMs)) this.#completeIfAllThere();
    for (const liar of event.liars ?? [])
      this.#blame(liar, BLAME.provenLie, `sent a wrong block of piece ${event.pieceIndex}`);
  }

  #handleFailed(event: EventOf<'piece-failed'>): void {
    const link = this.#links.get(event.linkId);
    if (!link || !this.#trade.handleFailed(link, event.pieceIndex, event.evidence, this.#nowMs)) return;
    const [culprit, ...others] = event.contributors;
    if (culprit === undefined || others.length > 0) return;
    this.#blame(culprit, BLAME.failedPiece, `piece ${event.pieceIndex} from it failed its hash`);
  }

  #handleReleased(event: EventOf<'piece-released'>): void {
    const link = this.#links.get(event.linkId);
    if (link) this.#trade.handleAllReleased(link, event, event.partial, this.#nowMs);
  }

  #handleKept(event: EventOf<'piece-kept'>): void {
    const link = this.#links.get(event.linkId);
    if (link) this.#trade.handleKept(link, event.pieceIndex);
  }

  #handleFilesChanged({ type, pieceIndices }: EventOf<'pieces-lost' | 'pieces-regained'>): void {
    for (const pieceIndex of pieceIndices) this.#trade.handleFileChanged(pieceIndex, type === 'pieces-regained');
    this.#superSeeder.end();
    for (const link of this.#links.values()) this.#updateInterest(link);
  }

  #handleMeasured(event: EventOf<'links-measured'>): void {
    for (const measure of event.measures) {
      const link = this.#links.get(measure.linkId);
      if (!link) continue;
      link.handleMeasure(measure);
      this.#trade.handleMeasured(link, this.#nowMs);
    }
    this.#tickIfDue();
  }

  #handleClosed(event: EventOf<'link-closed'>): void {
    this.#dialMs = this.#nowMs;
    this.#needsChoker = true;
    const link = this.#links.get(event.linkId);
    const wasUseful = link !== undefined && link.measure.downTotalBytes + link.measure.upTotalBytes > 0;
    this.#roster.handleClosed(event.linkId, event.reason, wasUseful, this.#nowMs);
    this.#choker.handleClosed(event.linkId);
    this.#webSeeds.handleClosed(event.linkId, this.#nowMs);
    this.#roster.reserve(this.#webSeeds.openCount);
    this.#exchange?.handleClosed(event.linkId);
    if (!link) return;
    this.#report.handleClosed(link);
    const { pieces } = link;
    this.#trade.removeLink(link, this.#nowMs);
    this.#links.delete(event.linkId);
    this.#superSeeder.handleClosed(event.linkId, pieces);
    this.#exchange?.handleChanged();
    if (event.reason === 'protocol') this.#blame(link.blameKey, BLAME.protocol, 'broke the protocol', link);
  }

  #learnAddresses(addresses: EventOf<'peers-found'>['addresses'], source: PeerSource): void {
    this.#roster.addAddresses(addresses, source, this.#nowMs);
    this.#dialMs = this.#nowMs;
  }

  /** Whoever was just admitted may be about to begin. */
  #isSpare(linkId: number): boolean {
    const link = this.#links.get(linkId);
    return link !== undefined && link.isIdle && this.#nowMs - link.admittedMs >= SPARE_AFTER_MS;
  }

  /** Counts damage; whoever has done enough is banned, and all its connections are closed. */
  #blame(blameKey: string, points: number, reason: string, culprit?: SwarmLink): void {
    // Blocks that lay in a file at the start are nobody's fault.
    if (blameKey === 'disk' || !this.#bans.blame(blameKey, points)) return;
    this.#bannedCount += 1;
    for (const link of [...this.#links.values(), ...(culprit ? [culprit] : [])]) {
      if (!this.#bans.isBanned(link.blameKey) || link.isClosing) continue;
      this.#webSeeds.handleBanned(link.linkId, reason);
      const { webSeed } = link;
      const culpritOf = { blameKey: link.blameKey, address: link.address, ...(webSeed !== undefined && { webSeed }) };
      this.#actions.push({ type: 'ban', ...culpritOf, reason });
      if (link !== culprit) this.#close(link, `banned: ${reason}`);
    }
  }

  #close(link: SwarmLink, why: string): void {
    if (link.isClosing) return;
    link.isClosing = true;
    link.amChoking = true;
    link.peerInterested = false;
    this.#trade.forgetPieces(link);
    this.#needsChoker = true;
    this.#actions.push({ type: 'close', linkId: link.linkId, why });
  }

  #updateInterest(link: SwarmLink): void {
    if (!link.isClosing) this.#setInterest(link, this.#trade.isInteresting(link));
  }

  #setInterest(link: SwarmLink, isInteresting: boolean): void {
    if (link.amInterested === isInteresting) return;
    link.amInterested = isInteresting;
    if (link.webSeed === undefined)
      this.#actions.push({ type: isInteresting ? 'interested' : 'not-interested', linkId: link.linkId });
    if (isInteresting) this.#trade.touch(link);
  }

  #completeIfAllThere(): void {
    if (this.#isComplete || !this.#config.wantsPieces || !this.#trade.ledger.settled.isFull) return;
    this.#isComplete = true;
    if (this.#trade.ledger.owned.isFull) this.#announces.handleComplete(this.#nowMs);
    else this.#announces.handlePartialSeed(this.#nowMs);
    this.#actions.push({ type: 'complete' });
    for (const link of this.#links.values()) {
      if (link.webSeed !== undefined) this.#close(link, 'complete');
      this.#updateInterest(link);
      this.#noteUseless(link);
    }
    this.#needsChoker = true;
  }

  #isUploadOnly(): boolean {
    return !this.#config.wantsPieces || this.#trade.ledger.settled.isFull;
  }

  #noteUseless(link: SwarmLink): void {
    if (link.isSeed) this.#roster.handleUploadOnly(link.linkId, this.#nowMs);
    if (!link.isSeed || !this.#isUploadOnly()) link.uselessSinceMs = undefined;
    else link.uselessSinceMs ??= this.#nowMs;
  }

  #tickIfDue(): void {
    if (this.#isStopped || this.#nowMs - this.#lastTickMs < TICK_MS) return;
    this.#lastTickMs = this.#nowMs;
    this.#superSeeder.handleTick();
    this.#trade.handleTick(this.#nowMs);
    this.#exchangePeers();
    for (const link of this.#links.values()) {
      if (link.amInterested && link.assigned.size === 0) this.#updateInterest(link);
      if (link.uselessSinceMs === undefined || this.#nowMs - link.uselessSinceMs < USELESS_MS) continue;
      if (this.#isUploadOnly()) this.#close(link, 'both ends only upload');
      else link.uselessSinceMs = undefined;
    }
  }

  /** Peers hear of whom we are connected with and where those listen. */
  #exchangePeers(): void {
    const peers = (): ExchangeablePeer[] => [...this.#links.values()].flatMap((link) => link.exchangeable ?? []);
    const messages = this.#exchange?.pickMessages(peers, this.#nowMs) ?? [];
    for (const message of messages) this.#actions.push({ type: 'exchange-peers', ...message });
  }

  #choke(): void {
    if (!this.#needsChoker && this.#nowMs < this.#choker.nextRoundMs) return;
    this.#needsChoker = false;
    const peers = [...this.#links.values()].filter((link) => !link.isClosing);
    const { choke, unchoke } = this.#choker.decide(peers, this.#isUploadOnly(), this.#nowMs);
    for (const linkId of choke) this.#setChoking(linkId, true);
    for (const linkId of unchoke) this.#setChoking(linkId, false);
  }

  #setChoking(linkId: number, isChoking: boolean): void {
    const link = this.#links.get(linkId);
    if (!link || link.amChoking === isChoking) return;
    link.amChoking = isChoking;
    this.#actions.push({ type: isChoking ? 'choke' : 'unchoke', linkId });
  }

  #dial(): void {
    if (this.#dialMs === undefined || this.#dialMs > this.#nowMs) return;
    const isUploadOnly = this.#isUploadOnly();
    for (;;) {
      const address = this.#roster.pickDial(isUploadOnly, this.#nowMs);
      if (!address) break;
      const linkId = this.#config.nextLinkId();
      this.#roster.handleDialled(linkId, address);
      this.#actions.push({ type: 'dial', linkId, address });
    }
    this.#dialMs = this.#roster.nextDialMs(isUploadOnly, this.#nowMs);
  }

  #openWebSeeds(): void {
    while (this.#mayOpenWebSeed()) {
      const url = this.#webSeeds.pickOpen(this.#nowMs);
      if (url === undefined) return;
      this.#openWebSeed(url);
    }
  }

  /** Nothing is said before it is asked for pieces, so it can be given some at once. */
  #openWebSeed(url: string): void {
    const linkId = this.#config.nextLinkId();
    const webSeed = shownWebSeed(url);
    const blameKey = webSeed;
    const admittedMs = this.#nowMs;
    const link = new SwarmLink({
      ...{ linkId, address: addressOf(url), incoming: false, peerId: undefined, blameKey, admittedMs, webSeed },
    });
    link.uploadOnly = true;
    this.#links.set(linkId, link);
    this.#trade.addLink(link);
    this.#webSeeds.handleOpened(linkId, url);
    this.#roster.reserve(this.#webSeeds.openCount);
    this.#actions.push({ type: 'open-web-seed', linkId, url, blameKey });
    this.#trade.handlePieces(link, PieceSet.full(this.#config.layout.pieceCount));
    link.handleUnchoked();
    this.#updateInterest(link);
  }

  /** Of the connections half are left to peers, but one web seed is always worth one. */
  #mayOpenWebSeed(): boolean {
    const { maxLinks } = this.#config;
    const isFree = this.#links.size < maxLinks && this.#webSeeds.openCount < Math.ceil(maxLinks / 2);
    return isFree && !this.#isUploadOnly();
  }

  #nextWebSeedMs(): number | undefined {
    return this.#mayOpenWebSeed() ? this.#webSeeds.nextOpenMs() : undefined;
  }

  #handleWebSeedFailed(event: EventOf<'web-seed-failed'>): void {
    const link = this.#links.get(event.linkId);
    if (link?.webSeed === undefined || link.isClosing) return;
    const { message } = event;
    const retryInMs = this.#webSeeds.handleFailed(link.linkId, event, this.#nowMs);
    this.#actions.push({ type: 'report-web-seed', url: link.webSeed, message, retryInMs });
  }

  #announce(): void {
    const announce = this.#announces.poll(this.#announceNeed(), this.#nowMs);
    if (!announce) return;
    const numWant = this.#isUploadOnly() ? NUM_WANT_SEEDING : NUM_WANT_DOWNLOADING;
    this.#actions.push({ type: 'announce', ...announce, numWant });
  }

  #announceNeed(): AnnounceNeed {
    const isUploadOnly = this.#isUploadOnly();
    const lacksSource = this.#links.size === 0 || this.#trade.picker.sourcelessCount > 0;
    return {
      isNeedy: !isUploadOnly && lacksSource,
      isPartialSeed: isUploadOnly && !this.#trade.ledger.owned.isFull,
    };
  }

  #stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    for (const announce of this.#announces.stop()) this.#actions.push({ type: 'announce', ...announce, numWant: 0 });
    for (const link of this.#links.values()) this.#close(link, 'stopped');
    for (const linkId of this.#roster.halfOpenLinkIds) this.#actions.push({ type: 'close', linkId, why: 'stopped' });
  }
}

function assertNever(event: never): never {
  throw new InvariantError(`unknown event ${JSON.stringify(event)}`);
}

/** Where a web seed's server is, as far as its URL says. */
function addressOf(url: string): PeerAddress {
  const { hostname, port, protocol } = new URL(url);
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port) || (protocol === 'https:' ? 443 : 80) };
}
