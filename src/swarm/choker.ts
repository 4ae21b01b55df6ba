/**
 * Whom we serve (BEP 3, choking). Every 10 s the regular slots go to those who deserve them, every 30 s one more goes
 * to somebody by turn. In between only free slots are given away, at once: none stays idle while a peer is interested.
 *
 * - Downloading: the regular slots go to whoever gives us most; a peer that left us waiting (snubbed) comes last.
 * - Seeding: whoever has had a slot for 30 s and takes least gives it up, a third of the slots each round, to the one
 *   that has waited longest; a newcomer, never served yet, comes before all who were. So nobody starves, and whoever
 *   passes pieces on fast keeps being served.
 */

const ROUND_MS = 10_000;
const OPTIMISTIC_MS = 30_000;
const LEAST_TURN_MS = 30_000;
const NEVER_MS = -Infinity;

/** What the choker has to know of a peer. */
export interface ChokerPeer {
  readonly linkId: number;
  readonly amChoking: boolean;
  readonly peerInterested: boolean;
  /** It was asked for blocks, and none came for a long time. */
  readonly isSnubbed: boolean;
  readonly downBytesPerSec: number;
  readonly upBytesPerSec: number;
}

export interface ChokerDecision {
  readonly choke: readonly number[];
  readonly unchoke: readonly number[];
}

interface Turn {
  /** When the peer was unchoked last. */
  startMs: number;
  /** When it was served last: now, while it is unchoked and interested. */
  servedMs: number;
}

export class Choker {
  readonly #uploadSlots: number;
  readonly #random: () => number;
  readonly #turns = new Map<number, Turn>();
  #nextRoundMs: number;
  #nextOptimisticMs: number;
  #optimisticLinkId: number | undefined;

  /** @param options.uploadSlots regular slots, at least 1; the optimistic one comes on top */
  constructor(options: { readonly uploadSlots: number; readonly random: () => number }, nowMs: number) {
    this.#uploadSlots = options.uploadSlots;
    this.#random = options.random;
    this.#nextRoundMs = nowMs + ROUND_MS;
    this.#nextOptimisticMs = nowMs + OPTIMISTIC_MS;
  }

  get nextRoundMs(): number {
    return this.#nextRoundMs;
  }

  /** The link is gone. */
  handleClosed(linkId: number): void {
    this.#turns.delete(linkId);
  }

  /** Whom to choke and unchoke now; to be called at `nextRoundMs`, and whenever a slot or an interest may have changed. */
  decide(peers: readonly ChokerPeer[], isSeeding: boolean, nowMs: number): ChokerDecision {
    for (const peer of peers) this.#noteServed(peer, nowMs);
    if (nowMs < this.#nextRoundMs) return { choke: [], unchoke: this.#fillFreeSlots(peers, nowMs) };
    this.#nextRoundMs = nowMs + ROUND_MS;

    const interested = peers.filter((peer) => peer.peerInterested);
    const chosen = isSeeding ? this.#chooseSeeding(interested, nowMs) : this.#chooseDownloading(interested, nowMs);
    const choke = peers.filter((peer) => !peer.amChoking && !chosen.has(peer.linkId)).map((peer) => peer.linkId);
    const unchoke = interested.filter((peer) => peer.amChoking && chosen.has(peer.linkId)).map((peer) => peer.linkId);
    for (const linkId of unchoke) this.#startTurn(linkId, nowMs);
    return { choke, unchoke };
  }

  #fillFreeSlots(peers: readonly ChokerPeer[], nowMs: number): readonly number[] {
    const taken = peers.filter((peer) => !peer.amChoking && peer.peerInterested).length;
    const free = this.#uploadSlots + 1 - taken;
    const waiting = peers.filter((peer) => peer.amChoking && peer.peerInterested);
    if (free <= 0 || waiting.length === 0) return [];
    const given = this.#longestWaitingFirst(waiting).slice(0, free);
    for (const peer of given) this.#startTurn(peer.linkId, nowMs);
    return given.map((peer) => peer.linkId);
  }

  #chooseDownloading(interested: readonly ChokerPeer[], nowMs: number): ReadonlySet<number> {
    const byMerit = this.#shuffled(interested).sort(
      (a, b) =>
        Number(a.isSnubbed) - Number(b.isSnubbed) ||
        b.downBytesPerSec - a.downBytesPerSec ||
        Number(a.amChoking) - Number(b.amChoking),
    );
    const regular = new Set(byMerit.slice(0, this.#uploadSlots).map((peer) => peer.linkId));
    const others = byMerit.slice(this.#uploadSlots);
    const optimistic = this.#chooseOptimistic(others, nowMs);
    if (optimistic !== undefined) regular.add(optimistic);
    return regular;
  }

  /** One that no merit chose: the same for 30 s, then the one that waited longest. */
  #chooseOptimistic(others: readonly ChokerPeer[], nowMs: number): number | undefined {
    const current = others.find((peer) => peer.linkId === this.#optimisticLinkId);
    if (current && nowMs < this.#nextOptimisticMs) return current.linkId;
    this.#nextOptimisticMs = nowMs + OPTIMISTIC_MS;
    const choked = others.filter((peer) => peer.amChoking);
    this.#optimisticLinkId = (this.#longestWaitingFirst(choked)[0] ?? others[0])?.linkId;
    return this.#optimisticLinkId;
  }

  #chooseSeeding(interested: readonly ChokerPeer[], nowMs: number): ReadonlySet<number> {
    const slots = this.#uploadSlots + 1;
    const served = interested.filter((peer) => !peer.amChoking);
    const waiting = this.#longestWaitingFirst(interested.filter((peer) => peer.amChoking));
    const free = Math.max(0, slots - served.length);
    const yielding = Math.min(Math.max(0, waiting.length - free), Math.ceil(slots / 3));

    const slowestFirst = this.#shuffled(served).sort((a, b) => a.upBytesPerSec - b.upBytesPerSec);
    const leaving = slowestFirst.filter((peer) => this.#hadItsTurn(peer, nowMs)).slice(0, yielding);
    const kept = slowestFirst.filter((peer) => !leaving.includes(peer)).slice(-slots);
    return new Set([...kept, ...waiting].slice(0, slots).map((peer) => peer.linkId));
  }

  #hadItsTurn(peer: ChokerPeer, nowMs: number): boolean {
    return nowMs - (this.#turns.get(peer.linkId)?.startMs ?? NEVER_MS) >= LEAST_TURN_MS;
  }

  #longestWaitingFirst(peers: readonly ChokerPeer[]): ChokerPeer[] {
    const servedMs = (peer: ChokerPeer): number => this.#turns.get(peer.linkId)?.servedMs ?? NEVER_MS;
    return this.#shuffled(peers).sort((a, b) => (servedMs(a) === servedMs(b) ? 0 : servedMs(a) - servedMs(b)));
  }

  #noteServed(peer: ChokerPeer, nowMs: number): void {
    const turn = this.#turns.get(peer.linkId);
    if (turn && !peer.amChoking && peer.peerInterested) turn.servedMs = nowMs;
  }

  #startTurn(linkId: number, nowMs: number): void {
    this.#turns.set(linkId, { startMs: nowMs, servedMs: nowMs });
  }

  #shuffled(peers: readonly ChokerPeer[]): ChokerPeer[] {
    const lots = peers.map((peer) => ({ peer, lot: this.#random() }));
    return lots.sort((a, b) => a.lot - b.lot).map(({ peer }) => peer);
  }
}
