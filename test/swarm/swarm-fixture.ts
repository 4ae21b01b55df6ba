/** Builders for tests of the swarm: a swarm with a driver that notes actions, and peers that it can talk about. */
import { PieceLayout, type PieceIndex } from '../../src/metainfo/piece-layout.js';
import { Bitfield } from '../../src/protocol/bitfield.js';
import type { PeerId } from '../../src/protocol/peer-address.js';
import { piecesOf } from '../../src/swarm/pieces-of.js';
import { seededRandom } from '../../src/swarm/seeded-random.js';
import type { SwarmConfig } from '../../src/swarm/swarm-config.js';
import type { LinkMeasure, SwarmAction, SwarmEvent } from '../../src/swarm/swarm-events.js';
import { Swarm } from '../../src/swarm/swarm.js';

type ActionOf<Type extends SwarmAction['type']> = Extract<SwarmAction, { readonly type: Type }>;

export interface SwarmTestOptions extends Partial<SwarmConfig> {
  readonly pieceCount?: number;
  readonly pieceLengthBytes?: number;
  /** Owned at the start. */
  readonly pieces?: readonly number[];
}

/** A 20-byte peer id that begins with these hex digits. */
export function aPeerId(start: string): PeerId {
  return start.padEnd(40, '0') as PeerId;
}

/** Checked only by eye: for literals in tests. */
export function piece(index: number): PieceIndex {
  return index as PieceIndex;
}

export class SwarmTester {
  readonly swarm: Swarm;
  readonly layout: PieceLayout;
  readonly actions: SwarmAction[] = [];
  nowMs = 0;
  #nextLinkId = 1;

  constructor(options: SwarmTestOptions = {}) {
    const { pieceCount = 4, pieceLengthBytes = 65_536, pieces = [], ...config } = options;
    this.layout = new PieceLayout(pieceLengthBytes, [{ lengthBytes: pieceCount * pieceLengthBytes }]);
    const owned = new Bitfield(pieceCount);
    for (const index of pieces) owned.set(index);
    this.swarm = new Swarm(
      {
        layout: this.layout,
        ourPeerId: aPeerId('80'),
        owned,
        wantsPieces: true,
        trackerTiers: [],
        superSeeds: false,
        uploadSlots: 4,
        maxLinks: 50,
        random: seededRandom(1),
        nextLinkId: () => this.#nextLinkId++,
        ...config,
      },
      0,
    );
    this.drain();
  }

  /** Handles the event, polls everything and gives back the new actions. */
  handle(event: SwarmEvent): readonly SwarmAction[] {
    this.swarm.handle(event, this.nowMs);
    return this.drain();
  }

  drain(): readonly SwarmAction[] {
    const fresh: SwarmAction[] = [];
    for (let action = this.swarm.poll(); action; action = this.swarm.poll()) fresh.push(action);
    this.actions.push(...fresh);
    this.swarm.assertInvariants();
    return fresh;
  }

  /** Lets time pass, with a wake whenever the swarm asks for one. */
  pass(durationMs: number): readonly SwarmAction[] {
    const endMs = this.nowMs + durationMs;
    const fresh: SwarmAction[] = [];
    for (;;) {
      const wakeMs = this.swarm.nextWakeMs();
      if (wakeMs === undefined || wakeMs > endMs) break;
      this.nowMs = Math.max(wakeMs, this.nowMs);
      fresh.push(...this.handle({ type: 'wake' }));
    }
    this.nowMs = endMs;
    return [...fresh, ...this.handle({ type: 'wake' })];
  }

  /** All actions of a type so far. */
  of<Type extends SwarmAction['type']>(type: Type): ActionOf<Type>[] {
    return this.actions.filter((action): action is ActionOf<Type> => action.type === type);
  }

  /** An incoming connection of a peer that has `pieces` and, if wanted, unchokes us. */
  connect(options: {
    readonly linkId: number;
    readonly id?: string;
    readonly host?: string;
    readonly pieces?: 'all' | 'none' | readonly number[];
    readonly unchokes?: boolean;
    readonly interested?: boolean;
  }): void {
    const { linkId, id = linkId.toString(16).padStart(4, '0'), host = '127.0.0.1', pieces = 'all' } = options;
    const address = { host, port: 40_000 + linkId };
    this.handle({ type: 'link-handshaken', linkId, address, incoming: true, peerId: aPeerId(id) });
    this.handle({ type: 'peer-has', linkId, pieces: typeof pieces === 'string' ? pieces : this.#bits(pieces) });
    if (options.unchokes ?? true) this.handle({ type: 'peer-unchoked', linkId });
    if (options.interested) this.handle({ type: 'peer-interested', linkId });
  }

  measure(linkId: number, measure: Partial<LinkMeasure>): readonly SwarmAction[] {
    const nothing = {
      linkId,
      downBytesPerSec: 0,
      upBytesPerSec: 0,
      downTotalBytes: 0,
      upTotalBytes: 0,
      roundTripMs: 0,
      inFlightBytes: 0,
      stalledMs: 0,
    };
    return this.handle({ type: 'links-measured', measures: [{ ...nothing, ...measure }] });
  }

  verify(linkId: number, index: number, liars: readonly string[] = []): readonly SwarmAction[] {
    return this.handle({ type: 'piece-verified', linkId, pieceIndex: piece(index), liars });
  }

  /** The pieces that a link was told to fetch, in order. */
  fetched(linkId: number): readonly number[] {
    return this.of('fetch-piece').flatMap((action) => (action.linkId === linkId ? [...piecesOf(action)] : []));
  }

  #bits(indices: readonly number[]): Uint8Array {
    const bits = new Bitfield(this.layout.pieceCount);
    for (const index of indices) bits.set(index);
    return bits.bytes;
  }
}
