/**
 * Pieces of any size on their way through two workers that share files, in any order of events: chokes, refusals, lost
 * connections, lies, help across threads, late messages. At the end the files are right and all memory is back.
 */
import { expect } from 'chai';

import { BLOCK_LENGTH } from '../../src/metainfo/piece-layout.js';
import { encodeMessage, encodePiece } from '../../src/protocol/message-encoder.js';
import { seededRandom } from '../../src/swarm/seeded-random.js';
import type { PartialPiece } from '../../src/swarm/swarm-events.js';
import { BlockClaims } from '../../src/workers/block-claims.js';
import { aWorker, range, type Side, type Worker } from './one-worker.js';
import { turns, useTorrents, type TorrentShape } from './torrent-on-disk.js';

const SMALL = [1, 2, 127, 128, 5000, BLOCK_LENGTH - 1, BLOCK_LENGTH];
const LARGE = [BLOCK_LENGTH + 1, 3 * BLOCK_LENGTH + 7, 8 * BLOCK_LENGTH, 20 * BLOCK_LENGTH, 33 * BLOCK_LENGTH + 5];
const SEEDS = Number(process.env['P2P_TEST_SEEDS'] ?? 40);
const WILD_STEPS = 250;
/** Far more than it takes: the disk may be slow, and each test has few pieces. */
const CALM_MS = 15_000;

type Random = () => number;

function pick<Item>(random: Random, items: readonly Item[]): Item | undefined {
  return items[Math.floor(random() * items.length)];
}

function aShape(random: Random): TorrentShape {
  const pieceLengthBytes = pick(random, random() < 0.25 ? SMALL : LARGE) ?? 1;
  const total = Math.max(1, Math.floor(pieceLengthBytes * (0.3 + 5 * random())));
  const lengths: number[] = [];
  let left = total;
  while (left > 0) {
    const length = random() < 0.4 ? left : Math.min(left, 1 + Math.floor(random() * left));
    lengths.push(random() < 0.15 ? -length : length);
    left -= length;
    if (random() < 0.2) lengths.push(0);
  }
  const budgetBytes = random() < 0.3 ? 2 * BLOCK_LENGTH : 64 * BLOCK_LENGTH;
  return {
    pieceLengthBytes,
    lengths,
    budgetBytes,
    openFiles: 1 + Math.floor(random() * 4),
    seed: Math.floor(random() * 1e6),
  };
}

/** A peer at the other end of a link: its answers lie in a queue of bytes that flows in pieces of any length. */
class Peer {
  readonly side: Side;
  readonly worker: Worker;
  readonly lies: boolean;
  readonly fast: boolean;
  isChoking = false;
  readonly #asked: { readonly pieceIndex: number; readonly block: number }[] = [];
  #bytes: Buffer = Buffer.alloc(0);

  constructor(worker: Worker, random: Random, lies: boolean) {
    this.worker = worker;
    this.lies = lies;
    this.fast = random() < 0.6;
    this.side = worker.link({ fast: this.fast });
  }

  get isIdle(): boolean {
    return this.#bytes.length === 0 && this.#asked.length === 0;
  }

  /** Takes note of what we asked for and took back. */
  listen(random: Random): void {
    for (const line of this.side.said()) {
      const [type, where] = line.split(' ');
      const [pieceIndex = 0, block = 0] = (where ?? '').split(':').map(Number);
      if (type === 'request') this.#ask(pieceIndex, block);
      if (type === 'cancel' && random() < 0.8) this.#cancel(pieceIndex, block);
    }
  }

  answer(random: Random): void {
    const at = random() < 0.8 ? 0 : Math.floor(random() * this.#asked.length);
    const [asked] = this.#asked.splice(at, 1);
    if (!asked) return;
    const bytes = Uint8Array.from(this.worker.disk.block(asked.pieceIndex, asked.block));
    if (this.lies && random() < 0.3) bytes[0] = (bytes[0] ?? 0) ^ 1;
    this.#say(encodePiece(asked.pieceIndex, asked.block * BLOCK_LENGTH, bytes));
  }

  choke(random: Random): void {
    if (this.isChoking) return;
    this.isChoking = true;
    this.#say(encodeMessage({ type: 'choke' }));
    const left = this.#asked.splice(0);
    for (const asked of left) {
      if (this.fast && random() < 0.2) this.#asked.push(asked);
      else if (this.fast) this.#reject(asked.pieceIndex, asked.block);
    }
  }

  unchoke(): void {
    if (!this.isChoking) return;
    this.isChoking = false;
    this.#say(encodeMessage({ type: 'unchoke' }));
  }

  refuse(): void {
    const asked = this.fast ? this.#asked.pop() : undefined;
    if (asked) this.#reject(asked.pieceIndex, asked.block);
  }

  /** Some of what was said arrives. */
  flow(random: Random, all = false): void {
    const length =
      all || random() < 0.3 ? this.#bytes.length : Math.floor(random() * Math.min(this.#bytes.length, 30_000));
    const chunk = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    if (!this.side.isClosed && chunk.length > 0) this.side.trade.readMessages(Uint8Array.from(chunk));
  }

  #ask(pieceIndex: number, block: number): void {
    if (!this.isChoking) this.#asked.push({ pieceIndex, block });
    else if (this.fast) this.#reject(pieceIndex, block);
  }

  #cancel(pieceIndex: number, block: number): void {
    const at = this.#asked.findIndex((asked) => asked.pieceIndex === pieceIndex && asked.block === block);
    if (at < 0) return;
    this.#asked.splice(at, 1);
    if (this.fast) this.#reject(pieceIndex, block);
  }

  #reject(pieceIndex: number, block: number): void {
    this.#say(encodeMessage({ type: 'reject', ...range(this.worker, pieceIndex, block) }));
  }

  #say(bytes: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
  }
}

interface Piece {
  readonly index: number;
  state: 'missing' | 'assigned' | 'verified';
  owner: Peer | undefined;
  partial: PartialPiece;
  claims: SharedArrayBuffer;
  readonly helpers: Set<Peer>;
}

/** The main thread, as simple as it can be: it keeps the promises that the swarm keeps to the workers. */
class Main {
  readonly workers: readonly Worker[];
  readonly pieces: Piece[];
  readonly peers: Peer[] = [];
  /** Whether a peer may lie. */
  readonly hasLiars: boolean;
  failures = 0;
  readonly #random: Random;
  readonly #read = new Map<Worker, number>();

  constructor(workers: readonly Worker[], random: Random) {
    this.workers = workers;
    this.hasLiars = random() < 0.3;
    this.#random = random;
    const pieceCount = workers[0]?.disk.layout.pieceCount ?? 0;
    this.pieces = Array.from({ length: pieceCount }, (_, index) => ({
      index,
      state: 'missing',
      owner: undefined,
      partial: [],
      claims: new SharedArrayBuffer(0),
      helpers: new Set(),
    }));
  }

  get isComplete(): boolean {
    return this.pieces.every(({ state }) => state === 'verified');
  }

  get unfinished(): string {
    const left = this.pieces.filter(({ state }) => state !== 'verified');
    return left.map(({ index, state, owner }) => `${index} ${state} ${owner?.side.linkId ?? ''}`).join(', ');
  }

  get open(): Peer[] {
    return this.peers.filter(({ side }) => !side.isClosed);
  }

  connect(mayLie: boolean): void {
    const worker = pick(this.#random, this.workers);
    const lies = mayLie && this.hasLiars && this.#random() < 0.4;
    if (worker) this.peers.push(new Peer(worker, this.#random, lies));
  }

  /** Reads some of what a worker said, in order. */
  read(worker: Worker, all = false): void {
    let at = this.#read.get(worker) ?? 0;
    const end = all ? worker.emitted.length : at + Math.floor(this.#random() * (worker.emitted.length - at + 1));
    for (; at < end; at += 1) this.#handle(worker.emitted[at]);
    this.#read.set(worker, at);
  }

  assign(peer: Peer | undefined): void {
    const missing = this.pieces.filter(({ state, helpers }) => state === 'missing' && helpers.size === 0);
    const piece = pick(this.#random, missing);
    if (!piece || !peer) return;
    piece.state = 'assigned';
    piece.owner = peer;
    const { worker, side } = peer;
    piece.claims = new SharedArrayBuffer(worker.disk.layout.blockCount(worker.disk.piece(piece.index)));
    if (side.isClosed || !side.trade.canFetch || worker.torrent.assemblies.has(worker.disk.piece(piece.index))) {
      this.#giveBack(piece, piece.partial);
      return;
    }
    worker.fetch(side, piece.index, new BlockClaims(piece.claims), piece.partial);
  }

  help(peer: Peer | undefined): void {
    const piece = pick(
      this.#random,
      this.pieces.filter(({ state, owner }) => state === 'assigned' && owner !== peer),
    );
    if (!piece?.owner || !peer || piece.helpers.has(peer) || piece.helpers.size >= 2) return;
    const { worker, side } = peer;
    if (side.isClosed || !side.trade.canFetch) return;
    piece.helpers.add(peer);
    worker.help(side, piece.index, piece.owner.side.linkId, new BlockClaims(piece.claims));
  }

  release(): void {
    const piece = pick(
      this.#random,
      this.pieces.filter(({ state }) => state === 'assigned'),
    );
    const peer = piece && pick(this.#random, [piece.owner, ...piece.helpers]);
    if (piece && peer && !peer.side.isClosed) peer.side.trade.releasePiece(peer.worker.disk.piece(piece.index));
  }

  #handle(message: Worker['emitted'][number] | undefined): void {
    if (message?.type === 'ferried') {
      this.#ferry(message.ferried);
      return;
    }
    if (message?.type !== 'swarm') return;
    const { event } = message;
    if (event.type === 'piece-verified') {
      const piece = this.#piece(event.pieceIndex);
      if (piece.owner?.side.linkId !== event.linkId) throw new Error(`piece ${piece.index} verified by a stranger`);
      piece.state = 'verified';
      piece.owner = undefined;
      this.#stopHelp(piece);
      piece.helpers.clear();
    } else if (event.type === 'piece-failed') {
      this.failures += 1;
      const piece = this.#piece(event.pieceIndex);
      // Help in the owner's thread ended with the piece.
      for (const helper of piece.helpers) if (helper.worker === piece.owner?.worker) piece.helpers.delete(helper);
      this.#giveBack(piece, []);
    } else if (event.type === 'piece-released') {
      const piece = this.#piece(event.pieceIndex);
      if (piece.owner?.side.linkId === event.linkId) this.#giveBack(piece, event.partial);
      else for (const helper of piece.helpers) if (helper.side.linkId === event.linkId) piece.helpers.delete(helper);
    }
  }

  #ferry(ferried: Extract<Worker['emitted'][number], { type: 'ferried' }>['ferried']): void {
    const owner = this.peers.find(({ side }) => side.linkId === ferried.ownerLinkId);
    const assembly = owner?.worker.torrent.assemblies.get(ferried.pieceIndex);
    if (!owner || assembly?.ownerLinkId !== ferried.ownerLinkId) return;
    assembly.handleFerried(ferried.blocks, ferried.source);
    if (ferried.blocks.length === 0 && !owner.side.isClosed) owner.side.trade.wakePiece(ferried.pieceIndex);
  }

  #giveBack(piece: Piece, partial: PartialPiece): void {
    piece.state = 'missing';
    piece.owner = undefined;
    piece.partial = partial;
    this.#stopHelp(piece);
  }

  #stopHelp(piece: Piece): void {
    for (const { side, worker } of piece.helpers) {
      if (!side.isClosed) side.trade.releasePiece(worker.disk.piece(piece.index));
    }
  }

  #piece(index: number): Piece {
    const piece = this.pieces[index];
    if (!piece) throw new Error(`no piece ${index}`);
    return piece;
  }
}

/** Anything that can happen, once. */
async function wildStep(main: Main, random: Random): Promise<void> {
  const peer = pick(random, main.open);
  const dice = random();
  if (dice < 0.25) peer?.answer(random);
  else if (dice < 0.5) peer?.flow(random);
  else if (dice < 0.62) main.assign(peer);
  else if (dice < 0.7) main.help(peer);
  else if (dice < 0.72) main.release();
  else if (dice < 0.74) peer?.choke(random);
  else if (dice < 0.78) peer?.unchoke();
  else if (dice < 0.79) peer?.refuse();
  else if (dice < 0.8) void peer?.side.close();
  else if (dice < 0.83 && main.open.length < 6) main.connect(true);
  else if (dice < 0.9) for (const worker of main.workers) main.read(worker);
  else if (dice < 0.93) tick(main, random() * 1_500);
  else await turns(1 + Math.floor(random() * 3));
  for (const each of main.open) each.listen(random);
}

function tick(main: Main, elapsedMs: number): void {
  for (const worker of main.workers) worker.nowMs += elapsedMs;
  for (const { side, worker } of main.open) side.trade.handleTick(worker.nowMs);
}

/** Honest peers alone, everything flows: now all must come to an end. */
async function calmStep(main: Main, random: Random): Promise<void> {
  for (const peer of main.open) {
    if (peer.lies) void peer.side.close();
    peer.unchoke();
    peer.listen(random);
    peer.answer(random);
    peer.flow(random, true);
    main.assign(peer);
  }
  if (main.open.length === 0) main.connect(false);
  for (const worker of main.workers) main.read(worker, true);
  tick(main, 100);
  await turns(1);
}

describe('The way of pieces', function () {
  this.timeout(120_000);
  const aTorrent = useTorrents();

  async function run(seed: string): Promise<void> {
    const random = seededRandom(seed);
    const first = aTorrent(aShape(random));
    const runBlocks = random() < 0.5 ? 64 : 1 + Math.floor(random() * 4);
    const workers = [
      aWorker(first, { runBlocks, firstLinkId: 2 }),
      aWorker(first.otherWorker(), { runBlocks, firstLinkId: 10_002 }),
    ];
    const main = new Main(workers, random);
    for (let count = 0; count < 3; count += 1) main.connect(count === 2);

    for (let step = 0; step < WILD_STEPS; step += 1) await wildStep(main, random);
    const deadlineMs = performance.now() + CALM_MS;
    while (!main.isComplete) {
      if (performance.now() > deadlineMs) throw new Error(`it does not end: ${main.unfinished}`);
      await calmStep(main, random);
    }
    await Promise.all(main.open.map(({ side }) => side.close()));
    for (const { torrent } of workers) await Promise.all(torrent.returning);

    if (!main.hasLiars) expect(main.failures, 'pieces of honest peers that failed').to.equal(0);
    expect(first.onDisk().equals(first.bytes), 'the files').to.equal(true);
    for (const worker of workers) {
      expect(worker.disk.pool.usedBytes, 'memory').to.equal(0);
      expect(worker.torrent.assemblies.size, 'unfinished pieces').to.equal(0);
      for (const { side } of main.peers) expect(side.trade.measure(0).inFlightBytes, 'on its way').to.equal(0);
    }
  }

  const only = process.env['P2P_TEST_SEED'];
  for (const seed of only === undefined ? Array.from({ length: SEEDS }, (_, at) => `way ${at}`) : [only]) {
    it(`ends well whatever happens (${seed})`, () => run(seed));
  }
});
