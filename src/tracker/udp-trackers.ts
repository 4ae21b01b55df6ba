/** Announces and scrapes over UDP (BEP 15, BEP 41), at any number of trackers. Thread: main. */
import { isIP, isIPv4 } from 'node:net';
import { TrackerError } from '../errors.js';
import { escapeText } from '../metainfo/escape-text.js';
import { encodeUdpRequest, type UdpReply } from '../protocol/udp-tracker.js';
import type { AnnounceReply, AnnounceRequest } from './announce-client.js';
import { fitForPeople, readUdpReply } from './parse-announce-reply.js';
import type { ScrapeCounts, ScrapeRequest } from './scrape-client.js';
import { groupAddresses, resolveHost, type AddressGroup, type Family } from './tracker-addresses.js';
import { FIRST_WAIT_MS, UDP_PATIENCE_MS, UdpEndpoint, type MakePacket } from './udp-endpoint.js';
import { untilAborted } from './until-aborted.js';

/** Each has a socket. */
const MOST_ENDPOINTS = 256;

interface UdpUrl {
  readonly host: string;
  readonly port: number;
  /** For people: without the path, which may hold a passkey. */
  readonly origin: string;
  /** Path and query; empty when there is no more than a slash. */
  readonly urlData: string;
}

/** How one question is asked. */
interface Question {
  readonly url: UdpUrl;
  readonly type: 'announce' | 'scrape';
  readonly make: MakePacket;
  readonly localAddress: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

export interface UdpTrackersOptions {
  /** How long the first transmission is waited for; 15 s when left out. */
  readonly firstWaitMs?: number;
  /** Monotonic; the process's own when left out. */
  readonly nowMs?: () => number;
}

export class UdpTrackers {
  readonly #firstWaitMs: number;
  readonly #nowMs: () => number;
  /** By address and port. */
  readonly #endpoints = new Map<string, UdpEndpoint>();
  #isClosed = false;

  constructor({ firstWaitMs = FIRST_WAIT_MS, nowMs = () => performance.now() }: UdpTrackersOptions = {}) {
    this.#firstWaitMs = firstWaitMs;
    this.#nowMs = nowMs;
  }

  /**
   * Where to announce: one address of each group.
   * @throws {P2P_TRACKER_UNREACHABLE} when the URL is none, or its host has no address
   */
  async groupsOf(
    { url: text, signal }: Pick<AnnounceRequest, 'url' | 'signal'>,
    families: readonly Family[],
  ): Promise<readonly AddressGroup[]> {
    const url = parseUdpUrl(text);
    let addresses: string[];
    try {
      addresses = await untilAborted(resolveHost(url.host), signal);
    } catch (error) {
      signal?.throwIfAborted();
      throw unreachable(url, error instanceof Error ? error.message : String(error), error);
    }
    const groups = groupAddresses(addresses, families);
    if (groups.length === 0) throw unreachable(url, `${addresses.join(', ')} is no address of a tracker`);
    return groups;
  }

  /** @throws as `TrackerClient.announce` */
  async announce(request: AnnounceRequest, group: AddressGroup): Promise<AnnounceReply> {
    const url = parseUdpUrl(request.url);
    const make: MakePacket = (connectionId, transactionId) =>
      encodeUdpRequest(
        {
          ...{ type: 'announce', connectionId, transactionId, event: request.event, port: request.port },
          infoHash: Buffer.from(request.infoHash, 'hex'),
          peerId: Buffer.from(request.peerId, 'hex'),
          downloadedBytes: request.downloadedBytes,
          leftBytes: request.leftBytes,
          uploadedBytes: request.uploadedBytes,
          key: Number.parseInt(request.key ?? '0', 16),
          numWant: request.numWant ?? -1,
        },
        url.urlData,
      );
    const timeoutMs = request.timeoutMs ?? UDP_PATIENCE_MS[request.patience ?? 'long'];
    const { signal, localAddress } = request;
    const question = { url, type: 'announce', make, localAddress, timeoutMs, signal } as const;
    const { reply, isIpv4 } = await this.#askGroup(question, group);
    if (reply.type !== 'announce') throw invalid(url, `answers an announce with ${reply.type}`);
    return readUdpReply(reply, isIpv4 ? 4 : 16);
  }

  /** @throws as `TrackerClient.scrape` */
  async scrape(request: ScrapeRequest): Promise<ScrapeCounts> {
    const url = parseUdpUrl(request.url);
    const infoHashes = [Buffer.from(request.infoHash, 'hex')];
    const make: MakePacket = (connectionId, transactionId) =>
      encodeUdpRequest({ type: 'scrape', connectionId, transactionId, infoHashes });
    const [group] = await this.groupsOf(request, ['ipv4', 'ipv6']);
    const timeoutMs = request.timeoutMs ?? UDP_PATIENCE_MS.short;
    const { signal } = request;
    const question = { url, type: 'scrape', make, localAddress: undefined, timeoutMs, signal } as const;
    const { reply } = await this.#askGroup(question, group ?? { family: undefined, addresses: [] });
    const counts = reply.type === 'scrape' ? reply.counts[0] : undefined;
    if (!counts) throw invalid(url, 'answers a scrape with nothing');
    return counts;
  }

  /** Gives up all that is under way. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#endpoints.values()].map((endpoint) => endpoint.close()));
    this.#endpoints.clear();
  }

  /** Asks one address after the other, within one time. */
  async #askGroup(question: Question, group: AddressGroup): Promise<{ reply: UdpReply; isIpv4: boolean }> {
    const { url, localAddress, timeoutMs, signal } = question;
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), timeoutMs);
    const either = signal ? AbortSignal.any([signal, timeout.signal]) : timeout.signal;
    const addresses = group.addresses.filter((address) => !localAddress || isIP(address) === isIP(localAddress));
    let failure: unknown = unreachable(url, `it has no address that ${localAddress ?? 'this machine'} can send to`);
    try {
      for (const address of addresses) {
        try {
          const reply = await this.#endpointAt(url, address, localAddress).ask(question.type, question.make, either);
          if (reply.type === 'error') throw refused(url, reply.message);
          return { reply, isIpv4: isIPv4(address) };
        } catch (error) {
          signal?.throwIfAborted();
          if (timeout.signal.aborted) throw unreachable(url, `no answer within ${timeoutMs / 1000} s`, error);
          if (!(error instanceof TrackerError) || error.code !== 'P2P_TRACKER_UNREACHABLE') throw error;
          failure = error;
        }
      }
    } finally {
      clearTimeout(timer);
    }
    throw failure;
  }

  #endpointAt(url: UdpUrl, host: string, localAddress: string | undefined): UdpEndpoint {
    if (this.#isClosed) throw unreachable(url, 'it was given up');
    const key = `${host} ${url.port} ${localAddress ?? ''}`;
    const known = this.#endpoints.get(key);
    if (known) return known;
    if (this.#endpoints.size >= MOST_ENDPOINTS) throw unreachable(url, `${MOST_ENDPOINTS} others are being asked`);
    const endpoint = new UdpEndpoint({
      ...{ host, port: url.port, localAddress, firstWaitMs: this.#firstWaitMs, nowMs: this.#nowMs },
      failure: (why, cause) => unreachable(url, why, cause),
      onIdle: () => {
        this.#endpoints.delete(key);
        void endpoint.close();
      },
    });
    this.#endpoints.set(key, endpoint);
    return endpoint;
  }
}

function parseUdpUrl(text: string): UdpUrl {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const port = Number(url?.port);
  if (!url || url.protocol !== 'udp:' || url.hostname === '' || port === 0) {
    throw new TrackerError(
      'P2P_TRACKER_UNREACHABLE',
      `'${escapeText(text)}' is no URL of a tracker over UDP; write for example udp://host:9999/announce`,
    );
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port,
    origin: `udp://${escapeText(url.host)}`,
    urlData: url.pathname === '/' && url.search === '' ? '' : `${url.pathname}${url.search}`,
  };
}

function unreachable({ origin }: UdpUrl, why: string, cause?: unknown): TrackerError {
  return new TrackerError('P2P_TRACKER_UNREACHABLE', `cannot reach ${origin}: ${why}`, { origin }, cause);
}

function refused({ origin }: UdpUrl, message: Uint8Array): TrackerError {
  const reason = fitForPeople(new TextDecoder().decode(message));
  return new TrackerError('P2P_TRACKER_FAILURE', `tracker ${origin} refuses: ${reason}`, { origin, reason });
}

function invalid({ origin }: UdpUrl, what: string): TrackerError {
  return new TrackerError('P2P_TRACKER_REPLY_INVALID', `${origin} ${what}`, { origin });
}
