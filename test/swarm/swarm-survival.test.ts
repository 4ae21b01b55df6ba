import fc from 'fast-check';
import type { SwarmEvent } from '../../src/swarm/swarm-events.js';
import { aPeerId, piece, SwarmTester } from './swarm-fixture.js';

const PIECE_COUNT = 6;
/** Of several blocks, or small ones, which go in runs. */
const someLength = fc.constantFrom(40_000, 100);

describe('Swarm, whatever comes', () => {
  it('keeps its invariants in any order of events, those of unknown links among them', () => {
    fc.assert(
      fc.property(fc.array(anEvent(), { maxLength: 80 }), fc.boolean(), someLength, (events, wantsPieces, length) => {
        const tester = new SwarmTester({
          pieceCount: PIECE_COUNT,
          pieceLengthBytes: length,
          wantsPieces,
          maxLinks: 3,
          trackerTiers: [['http://a/announce'], ['http://b/announce']],
          pieces: wantsPieces ? [] : [1],
        });
        for (const { event, afterMs } of events) {
          tester.pass(afterMs);
          tester.handle(event);
          tester.swarm.snapshot(tester.nowMs);
        }
      }),
      { numRuns: 300 },
    );
  });
});

function anEvent(): fc.Arbitrary<{ readonly event: SwarmEvent; readonly afterMs: number }> {
  // Links 1 to 3 are dialled by the swarm, the others come in; some are never known.
  const linkId = fc.integer({ min: 1, max: 7 });
  const pieceIndex = fc.nat(PIECE_COUNT - 1).map(piece);
  const run = { pieceIndex: fc.nat(2).map(piece), count: fc.integer({ min: 1, max: PIECE_COUNT - 2 }) };
  const pieceIndices = fc.array(pieceIndex, { maxLength: 4 });
  const source = fc.constantFrom('disk', '198.51.100.7', `id:${aPeerId('aa')}`, `id:${aPeerId('bb')}`);
  const partial = fc.array(fc.record({ source, blocks: fc.constant(Uint8Array.of(0x80)) }), { maxLength: 2 });
  const host = fc.constantFrom('127.0.0.1', '198.51.100.7', '203.0.113.5');
  const address = fc.record({ host, port: fc.constantFrom(9_000, 9_001) });
  const exchanged = fc.record({ address, isSeed: fc.boolean(), isReachable: fc.boolean() });
  const peerId = fc.constantFrom(...['80', 'aa', 'bb', '11'].map((start) => aPeerId(start)));
  const rate = fc.constantFrom(0, 1_000, 50_000_000);
  const evidence = fc.record({ blockDigests: fc.constant(new Uint8Array(60)), sources: partial });
  const measure = fc.record({
    linkId,
    downBytesPerSec: rate,
    upBytesPerSec: rate,
    downTotalBytes: rate,
    upTotalBytes: rate,
    roundTripMs: fc.constantFrom(0, 1, 5_000),
    inFlightBytes: fc.constantFrom(0, 16_384, 1_000_000),
    stalledMs: fc.constantFrom(0, 4_000, 30_000),
  });
  const url = fc.constantFrom('http://a/announce', 'http://b/announce');
  const event: fc.Arbitrary<SwarmEvent> = fc.oneof(
    fc.record({
      type: fc.constant('peers-found' as const),
      addresses: fc.array(address),
      source: fc.constantFrom('typed' as const, 'pex' as const),
    }),
    fc.record({ type: fc.constant('dial-failed' as const), linkId }),
    fc.record({ type: fc.constant('link-handshaken' as const), linkId, address, incoming: fc.boolean(), peerId }),
    fc.record({
      type: fc.constant('peer-extended' as const),
      linkId,
      listenPort: fc.constantFrom(9_000, 9_001),
      uploadOnly: fc.boolean(),
      client: fc.constant(''),
      exchangesPeers: fc.boolean(),
      ourHost: host,
    }),
    fc.record({ type: fc.constant('peers-exchanged' as const), linkId, added: fc.array(exchanged, { maxLength: 4 }) }),
    fc.record({
      type: fc.constant('peer-has' as const),
      linkId,
      pieces: fc.constantFrom('all' as const, 'none' as const, Uint8Array.of(0b1010_1000)),
    }),
    fc.record({ type: fc.constant('peer-have' as const), linkId, pieceIndices }),
    fc.record({ type: fc.constantFrom('peer-choked' as const, 'peer-unchoked' as const), linkId }),
    fc.record({ type: fc.constantFrom('peer-interested' as const, 'peer-not-interested' as const), linkId }),
    fc.record({
      type: fc.constant('piece-verified' as const),
      linkId,
      pieceIndex,
      liars: fc.array(source, { maxLength: 1 }),
    }),
    fc.record({ type: fc.constant('piece-verified' as const), linkId, ...run }),
    fc.record({ type: fc.constant('piece-released' as const), linkId, ...run, partial: fc.constant([]) }),
    fc.record({
      type: fc.constant('piece-failed' as const),
      linkId,
      pieceIndex,
      contributors: fc.array(source, { maxLength: 2 }),
      evidence,
    }),
    fc.record({ type: fc.constant('piece-released' as const), linkId, pieceIndex, partial }),
    fc.record({ type: fc.constantFrom('pieces-durable' as const, 'pieces-lost' as const), pieceIndices }),
    fc.record({ type: fc.constant('links-measured' as const), measures: fc.array(measure, { maxLength: 3 }) }),
    fc.record({
      type: fc.constant('link-closed' as const),
      linkId,
      reason: fc.constantFrom(
        'lost' as const,
        'ours' as const,
        'protocol' as const,
        'timeout' as const,
        'foreign' as const,
      ),
    }),
    fc.record({
      type: fc.constant('announce-succeeded' as const),
      url,
      intervalMs: fc.constantFrom(0, 60_000),
      minIntervalMs: fc.constantFrom(0, 1_000),
      peers: fc.array(address),
    }),
    fc.record({ type: fc.constant('announce-failed' as const), url, message: fc.constant('no') }),
    fc.constant({ type: 'stop' as const }),
  );
  return fc.record({ event, afterMs: fc.constantFrom(0, 0, 0, 300, 11_000) });
}
