/**
 * The sockets of local discovery (BEP 14): announces go out of every interface to the multicast groups of both families,
 * and what comes in is handed to `LocalAnnounces`. Several processes of a machine share the port. Where there is no
 * multicast (no route, no right, a taken port) it is silently off.
 *
 * Thread: the main one.
 */
import { randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import type { LookupOptions } from 'node:dns';
import { BlockList } from 'node:net';
import os from 'node:os';

import {
  decodeLocalAnnounce,
  encodeLocalAnnounce,
  LOCAL_GROUPS,
  LOCAL_PORT,
  type LocalAnnounce,
  type LocalFamily,
} from '../protocol/local-announce.js';
import { isPrivateHost, normaliseHost } from '../protocol/peer-address.js';
import { LocalAnnounces, type LocalPeer } from '../swarm/local-announces.js';

export interface LocalDiscoveryOptions {
  /** Where we accept peers. */
  readonly peerPort: number;
  /** Somebody in this network has a torrent of ours. */
  readonly onPeer: (peer: LocalPeer) => void;
  /** UDP port of the groups; another one than BEP 14's only in tests. */
  readonly groupPort?: number;
}

export class LocalDiscovery {
  readonly #options: LocalDiscoveryOptions;
  readonly #announces: LocalAnnounces;
  readonly #groups: readonly Group[];
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: LocalDiscoveryOptions) {
    this.#options = options;
    this.#announces = new LocalAnnounces(randomBytes(8).toString('hex'), options.peerPort);
    const hear = (datagram: Uint8Array, host: string): void => {
      this.#hear(datagram, host);
    };
    const { groupPort = LOCAL_PORT } = options;
    this.#groups = [new Group('ipv4', groupPort, hear), new Group('ipv6', groupPort, hear)];
  }

  /** Announces the torrent, and tells who else has it. */
  join(infoHash: string): void {
    this.#announces.addTorrent(infoHash, performance.now());
    this.#schedule();
  }

  leave(infoHash: string): void {
    this.#announces.removeTorrent(infoHash);
    this.#schedule();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await Promise.all(this.#groups.map((group) => group.close()));
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const { nextMs } = this.#announces;
    if (nextMs === undefined || this.#isClosed) return;
    this.#timer = setTimeout(
      () => {
        const announce = this.#announces.poll(performance.now());
        if (announce) for (const group of this.#groups) group.announce(announce);
        this.#schedule();
      },
      Math.max(0, nextMs - performance.now()),
    );
  }

  #hear(datagram: Uint8Array, host: string): void {
    const announce = decodeLocalAnnounce(datagram);
    if (!announce || this.#isClosed) return;
    for (const peer of this.#announces.handleAnnounce(announce, host, performance.now())) this.#options.onPeer(peer);
  }
}

/** An interface of this machine, as one family sees it. */
interface LocalInterface {
  /** Names it to the socket: an IPv4 address, or `::%name`. */
  readonly name: string;
  readonly address: string;
  readonly prefixLength: number;
}

/** The multicast group of one family. */
class Group {
  readonly #family: LocalFamily;
  readonly #port: number;
  readonly #socket: dgram.Socket;
  readonly #ready: Promise<boolean>;
  readonly #joined = new Set<string>();
  /** Sends one after the other: the outgoing interface is a state of the socket. */
  #sending: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(family: LocalFamily, port: number, hear: (datagram: Uint8Array, host: string) => void) {
    this.#family = family;
    this.#port = port;
    this.#socket =
      family === 'ipv4'
        ? dgram.createSocket({ type: 'udp4', reuseAddr: true })
        : dgram.createSocket({ type: 'udp6', reuseAddr: true, ipv6Only: true, lookup: takeLiterally });
    this.#socket.on('message', (datagram, { address }) => {
      if (isLocal(address, this.#family)) hear(datagram, normaliseHost(address));
    });
    this.#ready = new Promise((resolve) => {
      this.#socket.on('error', () => {
        resolve(false);
      });
      this.#socket.bind(port, () => {
        this.#joinAll();
        resolve(true);
      });
    });
  }

  announce(announce: LocalAnnounce): void {
    const datagram = encodeLocalAnnounce(announce, this.#family);
    this.#sending = this.#sending.then(() => this.#sendEverywhere(datagram));
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#sending;
    await this.#ready;
    await new Promise<void>((resolve) => {
      if (!unlessRefused(() => this.#socket.close(resolve))) resolve();
    });
  }

  async #sendEverywhere(datagram: Uint8Array): Promise<void> {
    if (!(await this.#ready)) return;
    for (const { name } of this.#joinAll()) {
      if (this.#isClosed || !unlessRefused(() => this.#socket.setMulticastInterface(name))) continue;
      await new Promise<void>((resolve) => {
        // An interface without a route is left out.
        this.#socket.send(datagram, this.#port, LOCAL_GROUPS[this.#family], () => resolve());
      });
    }
  }

  /** Cables come and go: whatever interface is new joins the group. */
  #joinAll(): readonly LocalInterface[] {
    const interfaces = localInterfaces(this.#family);
    for (const { name } of interfaces) {
      if (this.#joined.has(name) || this.#isClosed) continue;
      if (unlessRefused(() => this.#socket.addMembership(LOCAL_GROUPS[this.#family], name))) this.#joined.add(name);
    }
    return interfaces;
  }
}

/**
 * What this socket is bound to and sends to are addresses and never names. Node would ask a regular expression of IPv6
 * whether they are, and compile it for 19 ms of each start.
 */
function takeLiterally(
  address: string,
  _options: LookupOptions,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  process.nextTick(callback, null, address, 6);
}

/** Whether it worked; what the system refuses (no such device, no multicast) is no fault of ours. */
function unlessRefused(call: () => unknown): boolean {
  try {
    call();
    return true;
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code !== 'string') throw error;
    return false;
  }
}

/** Interfaces to others; on a machine without any, the loopback one, where its own processes meet. */
function localInterfaces(family: LocalFamily): readonly LocalInterface[] {
  const outer: LocalInterface[] = [];
  const inner: LocalInterface[] = [];
  for (const [device, addresses] of Object.entries(os.networkInterfaces())) {
    for (const { family: itsFamily, address, internal, cidr } of addresses ?? []) {
      if (itsFamily.toLowerCase() !== family) continue;
      const name = family === 'ipv4' ? address : `::%${device}`;
      const list = internal ? inner : outer;
      const prefixLength = Number(cidr?.split('/')[1] ?? NaN);
      if (!list.some((each) => each.name === name)) list.push({ name, address, prefixLength });
    }
  }
  return outer.length > 0 ? outer : inner;
}

/** Whether a datagram's sender is in this network: the port is open to unicast of everybody. */
function isLocal(host: string, family: LocalFamily): boolean {
  if (isPrivateHost(host)) return true;
  const networks = new BlockList();
  for (const { address, prefixLength } of localInterfaces(family)) {
    if (Number.isInteger(prefixLength)) networks.addSubnet(address, prefixLength, family);
  }
  return networks.check(host, family);
}
