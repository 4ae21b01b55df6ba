/**
 * The search for the metadata of a magnet link (BEP 9): whom to dial, whom to ask, whom to give up. The same three doors
 * as `Swarm`: `handle` takes what happened, `poll` gives what to do, `nextWakeMs` says when to come back.
 *
 * - One peer is asked for all of it, as long as it answers; another one is asked beside it when that takes longer than a
 *   moment, up to three. Whoever is whole first and right ends the search.
 * - A peer whose metadata fails the hash is convicted: nobody else sent any of it.
 * - When three are asked and others wait, the one that was asked longest makes room, each time after twice as long: three
 *   that send a piece now and then hold up nobody for ever, and slow honest ones come to an end.
 * - A peer without metadata keeps its place for a moment only.
 */
import { formatAddress, type PeerAddress } from '../protocol/peer-address.js';
import { ActionQueue } from './action-queue.js';
import type { AnnounceNeed } from './announce-schedule.js';
import { AnnounceTiers } from './announce-tiers.js';
import { BanList, BLAME } from './ban-list.js';
import type { MetadataAction, MetadataEvent } from './metadata-events.js';
import { PeerRoster } from './peer-roster.js';
import type { PeerSource } from './peer-source.js';
import type { CloseReason } from './swarm-events.js';
import type { SwarmConfig } from './swarm-config.js';
import type { TrackerSnapshot } from './swarm-snapshot.js';

const TICK_MS = 500;
const MOST_ASKED = 3;
/** When another peer is asked beside those that are. */
const ASK_ANOTHER_MS = 2_000;
/** How long a peer may take while others wait, at first. */
const FIRST_PATIENCE_MS = 10_000;
/** A peer that offers no metadata in this time has none. */
const NO_METADATA_MS = 10_000;
const NUM_WANT = 80;
/** Addresses that are handed on to the download. */
const MOST_HANDED_ON = 200;

/** What a `MetadataSwarm` is made from. */
export type MetadataSwarmConfig = Pick<
  SwarmConfig,
  'ourPeerId' | 'trackerTiers' | 'maxLinks' | 'random' | 'nextLinkId'
>;

/** How the search stands. */
export interface MetadataSnapshot {
  readonly peers: number;
  /** Peers that offered metadata and are connected. */
  readonly offeringPeers: number;
  /** Of the peer that has sent the most. */
  readonly receivedBytes: number;
  /** What that peer says that it is in all; undefined before anybody was asked. */
  readonly totalBytes: number | undefined;
  readonly trackers: readonly TrackerSnapshot[];
  /** Whether a tracker or peer ever answered. */
  readonly everAnswered: boolean;
}

interface MetadataLink {
  readonly linkId: number;
  readonly address: PeerAddress;
  readonly blameKey: string;
  readonly admittedMs: number;
  /** Undefined while it offers none. */
  offeredBytes: number | undefined;
  askedMs: number | undefined;
  receivedBytes: number;
  /** It was asked to close; what the roster is to make of that. */
  closeReason: CloseReason | undefined;
}

type EventOf<Type extends MetadataEvent['type']> = Extract<MetadataEvent, { readonly type: Type }>;

export class MetadataSwarm {
  readonly #config: MetadataSwarmConfig;
  readonly #actions = new ActionQueue<MetadataAction>();
  readonly #links = new Map<number, MetadataLink>();
  readonly #roster: PeerRoster;
  readonly #bans = new BanList();
  readonly #announces: AnnounceTiers;
  /** Where peers are, those that answered last. */
  readonly #seen = new Map<string, PeerAddress>();
  #nowMs: number;
  #lastTickMs: number;
  #lastAskedMs = -Infinity;
  #patienceMs = FIRST_PATIENCE_MS;
  #dialMs: number | undefined;
  #peerEverAnswered = false;
  #isOver = false;

  constructor(config: MetadataSwarmConfig, nowMs: number) {
    this.#config = config;
    this.#nowMs = nowMs;
    this.#lastTickMs = nowMs;
    this.#roster = new PeerRoster({
      ...config,
      ourPort: 0,
      isBanned: (address) => this.#bans.isAddressBanned(address),
      isSpare: () => false,
    });
    this.#announces = new AnnounceTiers(config.trackerTiers, config.random, nowMs);
  }

  /** Where peers of the torrent are, at most 200; those that answered come first. */
  get addresses(): readonly PeerAddress[] {
    return [...this.#seen.values()].reverse();
  }

  /** Takes what happened. What names a link that is gone is passed over: messages cross. */
  handle(event: MetadataEvent, nowMs: number): void {
    this.#nowMs = Math.max(nowMs, this.#nowMs);
    switch (event.type) {
      case 'peers-found':
        return this.#learnAddresses(event.addresses, event.source);
      case 'announce-succeeded':
        this.#announces.handleSucceeded(event, this.#nowMs);
        return this.#learnAddresses(event.peers, 'tracker');
      case 'announce-failed':
        return this.#announces.handleFailed(event.url, event.message, this.#nowMs);
      case 'dial-failed':
        this.#roster.handleDialFailed(event.linkId, this.#nowMs);
        this.#dialMs = this.#nowMs;
        return;
      case 'link-handshaken':
        return this.#handleHandshake(event);
      case 'link-closed':
        return this.#handleClosed(event);
      case 'metadata-offered':
        return this.#handleOffered(event);
      case 'metadata-received':
        return this.#handleReceived(event);
      case 'metadata-whole':
        return this.#handleWhole(event);
      case 'wake':
        return this.#tickIfDue();
      case 'stop':
        return this.#stop();
      default:
        return event satisfies never;
    }
  }

  /** The next thing to do; undefined when everything is said for now. */
  poll(): MetadataAction | undefined {
    const action = this.#actions.shift();
    if (action || this.#isOver) return action;
    this.#ask();
    this.#dial();
    this.#announce();
    return this.#actions.shift();
  }

  /** When to `handle` a `wake` if nothing happens before; undefined when only events matter. */
  nextWakeMs(): number | undefined {
    if (this.#isOver) return undefined;
    const tickMs = this.#links.size > 0 ? this.#lastTickMs + TICK_MS : Infinity;
    const wakeMs = Math.min(tickMs, this.#dialMs ?? Infinity, this.#announces.nextMs(this.#announceNeed()) ?? Infinity);
    return wakeMs === Infinity ? undefined : wakeMs;
  }

  snapshot(nowMs: number): MetadataSnapshot {
    const open = this.#open();
    const best = open
      .filter(({ askedMs }) => askedMs !== undefined)
      .reduce<MetadataLink | undefined>((a, b) => (a && a.receivedBytes >= b.receivedBytes ? a : b), undefined);
    return {
      peers: open.length,
      offeringPeers: open.filter(({ offeredBytes }) => offeredBytes !== undefined).length,
      receivedBytes: best?.receivedBytes ?? 0,
      totalBytes: best?.offeredBytes,
      trackers: this.#announces.snapshot(this.#announceNeed(), nowMs),
      everAnswered: this.#peerEverAnswered || this.#announces.everAnswered,
    };
  }

  #handleHandshake(event: EventOf<'link-handshaken'>): void {
    const { linkId, address, incoming, peerId } = event;
    this.#dialMs = this.#nowMs;
    const blameKey = this.#bans.blameKey(address, peerId);
    if (!incoming) this.#bans.learnAddress(blameKey, address);
    if (this.#isOver || this.#bans.isBanned(blameKey)) {
      this.#actions.push({ type: 'close', linkId, why: this.#isOver ? 'stopped' : 'banned' });
      return;
    }
    const admission = this.#roster.handleHandshake(event, this.#nowMs);
    if (!admission.isAdmitted) {
      this.#actions.push({ type: 'close', linkId, why: admission.why });
      return;
    }
    this.#peerEverAnswered = true;
    if (!incoming) this.#see(address);
    const replaced = this.#links.get(admission.replaced ?? -1);
    if (replaced) this.#close(replaced, 'ours', 'a duplicate connection');
    this.#links.set(linkId, {
      ...{ linkId, address, blameKey, admittedMs: this.#nowMs },
      ...{ offeredBytes: undefined, askedMs: undefined, receivedBytes: 0, closeReason: undefined },
    });
    this.#actions.push({ type: 'admit', linkId, blameKey });
  }

  #handleOffered(event: EventOf<'metadata-offered'>): void {
    const link = this.#links.get(event.linkId);
    if (!link || link.closeReason) return;
    if (link.askedMs === undefined) link.offeredBytes = event.sizeBytes;
    if (event.listenPort === undefined) return;
    const address = this.#roster.handleListenPort(link.linkId, event.listenPort, this.#nowMs);
    if (!address) return;
    this.#see(address);
    this.#bans.learnAddress(link.blameKey, address);
    if (this.#bans.isBanned(link.blameKey)) this.#close(link, 'ours', 'banned');
  }

  #handleReceived(event: EventOf<'metadata-received'>): void {
    const link = this.#links.get(event.linkId);
    if (link) link.receivedBytes = event.receivedBytes;
  }

  #handleWhole({ linkId, bytes }: EventOf<'metadata-whole'>): void {
    if (this.#isOver) return;
    if (bytes) {
      this.#isOver = true;
      this.#actions.push({ type: 'metadata-found', bytes });
      return;
    }
    const link = this.#links.get(linkId);
    if (!link) return;
    this.#blame(link, BLAME.provenLie, 'sent metadata of another torrent');
    this.#close(link, 'protocol', 'its metadata failed the hash');
  }

  #handleClosed(event: EventOf<'link-closed'>): void {
    this.#dialMs = this.#nowMs;
    const link = this.#links.get(event.linkId);
    this.#links.delete(event.linkId);
    this.#roster.handleClosed(event.linkId, link?.closeReason ?? event.reason, false, this.#nowMs);
    if (link && event.reason === 'protocol') this.#blame(link, BLAME.protocol, 'broke the protocol');
  }

  #learnAddresses(addresses: readonly PeerAddress[], source: PeerSource): void {
    for (const address of addresses) if (!this.#seen.has(formatAddress(address))) this.#see(address);
    this.#roster.addAddresses(addresses, source, this.#nowMs);
    this.#dialMs = this.#nowMs;
  }

  /** It comes last, and so is forgotten last and handed on first. */
  #see(address: PeerAddress): void {
    const key = formatAddress(address);
    this.#seen.delete(key);
    this.#seen.set(key, address);
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > MOST_HANDED_ON && oldest !== undefined) this.#seen.delete(oldest);
  }

  #blame(culprit: MetadataLink, points: number, reason: string): void {
    if (!this.#bans.blame(culprit.blameKey, points)) return;
    const { blameKey, address } = culprit;
    this.#actions.push({ type: 'ban', blameKey, address, reason });
    for (const link of this.#links.values()) {
      if (this.#bans.isBanned(link.blameKey)) this.#close(link, 'ours', `banned: ${reason}`);
    }
  }

  #close(link: MetadataLink, reason: CloseReason, why: string): void {
    if (link.closeReason) return;
    link.closeReason = reason;
    this.#actions.push({ type: 'close', linkId: link.linkId, why });
  }

  #open(): MetadataLink[] {
    return [...this.#links.values()].filter(({ closeReason }) => closeReason === undefined);
  }

  #ask(): void {
    const open = this.#open();
    const next = open.find(({ askedMs, offeredBytes }) => askedMs === undefined && offeredBytes !== undefined);
    const askedCount = open.filter(({ askedMs }) => askedMs !== undefined).length;
    if (!next || askedCount >= MOST_ASKED) return;
    if (askedCount > 0 && this.#nowMs - this.#lastAskedMs < ASK_ANOTHER_MS) return;
    next.askedMs = this.#nowMs;
    this.#lastAskedMs = this.#nowMs;
    this.#actions.push({ type: 'fetch-metadata', linkId: next.linkId });
  }

  /** Who has nothing to give goes, and who takes too long while others wait. */
  #tickIfDue(): void {
    if (this.#isOver || this.#nowMs - this.#lastTickMs < TICK_MS) return;
    this.#lastTickMs = this.#nowMs;
    const open = this.#open();
    const asked = open.filter(({ askedMs }) => askedMs !== undefined);
    const isSomebodyWaiting = open.some((link) => link.askedMs === undefined && link.offeredBytes !== undefined);
    for (const link of open) {
      const isLate = this.#nowMs - link.admittedMs >= NO_METADATA_MS;
      if (link.offeredBytes === undefined && isLate) this.#close(link, 'timeout', 'it offers no metadata');
    }
    const [longest] = asked.toSorted((one, other) => (one.askedMs ?? 0) - (other.askedMs ?? 0));
    if (!isSomebodyWaiting || asked.length < MOST_ASKED || !longest) return;
    if (this.#nowMs - (longest.askedMs ?? 0) < this.#patienceMs) return;
    this.#patienceMs *= 2;
    this.#close(longest, 'timeout', 'others may be faster');
  }

  #dial(): void {
    if (this.#dialMs === undefined || this.#dialMs > this.#nowMs) return;
    for (;;) {
      const address = this.#roster.pickDial(false, this.#nowMs);
      if (!address) break;
      const linkId = this.#config.nextLinkId();
      this.#roster.handleDialled(linkId, address);
      this.#actions.push({ type: 'dial', linkId, address });
    }
    this.#dialMs = this.#roster.nextDialMs(false, this.#nowMs);
  }

  #announce(): void {
    const announce = this.#announces.poll(this.#announceNeed(), this.#nowMs);
    if (announce) this.#actions.push({ type: 'announce', ...announce, numWant: NUM_WANT });
  }

  #announceNeed(): AnnounceNeed {
    const isNeedy = !this.#open().some(({ offeredBytes }) => offeredBytes !== undefined);
    return { isNeedy, isPartialSeed: false };
  }

  /** Says goodbye; after the metadata was found that is left to whoever goes on with the torrent. */
  #stop(): void {
    if (!this.#isOver) {
      this.#isOver = true;
      for (const announce of this.#announces.stop()) this.#actions.push({ type: 'announce', ...announce, numWant: 0 });
    }
    for (const link of this.#links.values()) this.#close(link, 'ours', 'stopped');
    for (const linkId of this.#roster.halfOpenLinkIds) this.#actions.push({ type: 'close', linkId, why: 'stopped' });
  }
}
