/**
 * The tracker's answers over UDP (BEP 15). Whoever has not proven its address gets no more bytes than it sent, so that
 * nobody is flooded through us. Thread: the tracker's only one.
 */
import { encodeUdpReply, parseUdpRequest, type UdpAnnounce, type UdpScrape } from '../protocol/udp-tracker.js';
import { AnnounceFrom } from './announce-from.js';
import { privilegedPort, roleOf } from './announce-query.js';
import { CompactPeers, COMPACT_IPV4_BYTES, COMPACT_IPV6_BYTES } from './announce-reply.js';
import type { ConnectionIds } from './connection-ids.js';
import { isIpv4 } from '../protocol/ip-address.js';
import type { PacketAllowance } from './packet-allowance.js';
import type { PeerStore } from './peer-store.js';
import type { RequestSource } from './request-source.js';
import * as limits from './tracker-limits.js';
import type { TrackerCounters } from './tracker-stats.js';

export interface TrackerUdpParts {
  readonly store: PeerStore;
  readonly counters: TrackerCounters;
  readonly connectionIds: ConnectionIds;
  readonly allowance: PacketAllowance;
  /** Monotonic. */
  readonly nowMs: () => number;
}

const ANNOUNCE_HEAD_BYTES = 20;
const ERROR_HEAD_BYTES = 8;
/** Short enough for the answer to a scrape of one torrent, which has 36 bytes. */
const ID_IS_OLD = 'connection id is too old';

export class TrackerUdp {
  readonly #parts: TrackerUdpParts;
  readonly #ipv4 = new CompactPeers(COMPACT_IPV4_BYTES);
  readonly #ipv6 = new CompactPeers(COMPACT_IPV6_BYTES);

  constructor(parts: TrackerUdpParts) {
    this.#parts = parts;
  }

  /** @returns the packet to send back; undefined for one that is not answered */
  readonly answer = (packet: Uint8Array, source: RequestSource): Uint8Array | undefined => {
    const answer = this.#answer(packet, source);
    if (!answer) this.#parts.counters.udpPackets.dropped += 1;
    return answer;
  };

  #answer(packet: Uint8Array, source: RequestSource): Uint8Array | undefined {
    const { counters, connectionIds, allowance } = this.#parts;
    const nowMs = this.#parts.nowMs();
    if (!source.isLoopback && !allowance.take(source.ip, nowMs)) return undefined;
    const request = parseUdpRequest(packet);
    if (!request) return undefined;
    const { transactionId } = request;
    if (request.type === 'connect') {
      counters.udpPackets.connect += 1;
      return encodeUdpReply({ type: 'connect', transactionId, connectionId: connectionIds.idFor(source.ip, nowMs) });
    }
    if (!connectionIds.isValid(request.connectionId, source.ip, nowMs)) {
      if (packet.length < ERROR_HEAD_BYTES + ID_IS_OLD.length) return undefined;
      return this.#refuse(transactionId, ID_IS_OLD);
    }
    return request.type === 'announce' ? this.#answerAnnounce(request, source, nowMs) : this.#answerScrape(request);
  }

  #answerAnnounce(announce: UdpAnnounce, source: RequestSource, nowMs: number): Uint8Array {
    const { store, counters } = this.#parts;
    const { transactionId, port, event, numWant } = announce;
    if (port < limits.LEAST_PEER_PORT) return this.#refuse(transactionId, privilegedPort(port));
    const family = isIpv4(source.ip) ? 'ipv4' : 'ipv6';
    const peers = family === 'ipv4' ? this.#ipv4 : this.#ipv6;
    peers.clear();
    const from = new AnnounceFrom(
      {
        infoHash: Buffer.from(announce.infoHash).toString('latin1'),
        peerId: announce.peerId,
        ...{ port, event, role: roleOf(event, announce.leftBytes === 0) },
        numWant: Math.min(numWant < 0 ? limits.DEFAULT_NUM_WANT : numWant, MOST_PEERS[family]),
      },
      source,
      family,
    );
    const counts = store.announce(from, nowMs, peers.takePeer);
    if (!counts) return this.#refuse(transactionId, 'the tracker is full; try again later');
    counters.announces[event] += 1;
    counters.udpPackets.announce += 1;
    return encodeUdpReply({
      ...{ type: 'announce', transactionId, peers: peers.bytes },
      intervalSec: limits.ANNOUNCE_INTERVAL_MS / 1000,
      leechers: counts.leechers,
      seeders: counts.seeders,
    });
  }

  #answerScrape({ transactionId, infoHashes }: UdpScrape): Uint8Array {
    const { store, counters } = this.#parts;
    counters.scrapes += 1;
    counters.udpPackets.scrape += 1;
    const counts = infoHashes.map((infoHash) => store.scrape(Buffer.from(infoHash).toString('latin1')));
    return encodeUdpReply({ type: 'scrape', transactionId, counts });
  }

  #refuse(transactionId: number, reason: string): Uint8Array {
    this.#parts.counters.rejected += 1;
    this.#parts.counters.udpPackets.error += 1;
    return encodeUdpReply({ type: 'error', transactionId, message: Buffer.from(reason, 'latin1') });
  }
}

/** So many that an answer is one whole packet. */
const MOST_PEERS = { ipv4: mostPeers(COMPACT_IPV4_BYTES), ipv6: mostPeers(COMPACT_IPV6_BYTES) } as const;

function mostPeers(peerBytes: number): number {
  const fitting = Math.floor((limits.MAX_UDP_REPLY_BYTES - ANNOUNCE_HEAD_BYTES) / peerBytes);
  return Math.min(limits.MAX_NUM_WANT, fitting);
}
