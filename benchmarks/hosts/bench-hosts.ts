/**
 * Hosts of their own for the peers of a benchmark: network namespaces on one switch, each with an address, a link rate and
 * a counter of what it sent. The switch has a namespace of its own too, so that nothing of this machine's network is
 * touched, its firewall rules do not matter, and two benchmarks never meet.
 *
 *     hub (10.99.0.1, tracker)
 *      ├── link2 ── eth0 of host 1 (10.99.0.2)
 *      └── link3 ── eth0 of host 2 (10.99.0.3) …
 *
 * It needs root and iproute2. Without them there is `loopbackHosts`: one address, many ports, no rates, no counters.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parseLinkCounters } from './link-counters.js';
import { isRunning, leftoverOwner, namespaceName } from './namespace-names.js';

/** Where one peer lives. */
export interface BenchHost {
  readonly address: string;
  /** The port that a peer on it listens on. */
  readonly port: number;
  /** Stands before a command that is to run there. */
  readonly inside: readonly string[];
  /** Name of its link on the switch; undefined on loopback. */
  readonly link: string | undefined;
}

export interface BenchHosts {
  readonly kind: 'namespaces' | 'loopback';
  /** Where the tracker belongs. */
  readonly hub: BenchHost;
  readonly hosts: readonly BenchHost[];
  /**
   * Bytes that each link carried towards the switch so far, headers included; empty on loopback.
   * @param hubPid a process that runs on the hub
   */
  sentBytes(hubPid: number): ReadonlyMap<string, number>;
  /** Ends what still runs on the hosts and takes them down. May be called twice. */
  close(): Promise<void>;
}

export interface HostSetup {
  readonly count: number;
  /** What each host may send, as `tc` writes it: `100mbit`. Not limited when undefined. */
  readonly rate?: string;
  readonly mtu: number;
}

const PEER_PORT = 6_881;
const SUBNET = '10.99.0';
/** What a rate may send at once, and how long a packet may wait: about what a home router does. */
const TBF = ['burst', '256k', 'latency', '50ms'];
const MOST_HOSTS = 200;
/** A process that is killed gives its namespace up a moment later. */
const GONE_TRIES = 50;

/** Why hosts of their own cannot be made here; undefined when they can. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== 'linux') return 'it needs Linux';
  if (process.getuid?.() !== 0) return 'it needs root';
  if (spawnSync('ip', ['-V']).status !== 0) return 'it needs ip: apt-get install iproute2';
  const name = namespaceName(process.pid, 'try');
  const { status, stderr } = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  spawnSync('ip', ['netns', 'del', name]);
  return status === 0 ? undefined : `ip netns says: ${stderr.trim()}`;
}

/**
 * Makes hosts, named after this process, and first takes down what a benchmark that was killed left.
 * @throws when `ip` or `tc` fails; nothing is left then
 */
export async function namespaceHosts({ count, rate, mtu }: HostSetup): Promise<BenchHosts> {
  if (count > MOST_HOSTS) throw new Error(`${count} hosts are more than ${MOST_HOSTS}`);
  await removeLeftovers();
  const hubName = namespaceName(process.pid, 'hub');
  const hostNames = Array.from({ length: count }, (_, index) => namespaceName(process.pid, String(index + 1)));
  const close = (): Promise<void> => removeNamespaces([...hostNames, hubName]);
  try {
    for (const name of [hubName, ...hostNames]) run('ip', ['netns', 'add', name]);
    makeSwitch(hubName, mtu);
    for (const [index, name] of hostNames.entries()) makeHost({ name, hubName, number: index + 2, mtu, rate });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    kind: 'namespaces',
    hub: { address: `${SUBNET}.1`, port: 6_969, inside: inNamespace(hubName), link: undefined },
    hosts: hostNames.map((name, index) => ({
      address: `${SUBNET}.${index + 2}`,
      port: PEER_PORT,
      inside: inNamespace(name),
      link: `link${index + 2}`,
    })),
    sentBytes: (hubPid) => parseLinkCounters(readFileSync(`/proc/${hubPid}/net/dev`, 'utf8')),
    close,
  };
}

/** Peers of one machine. @param ports a free one for the tracker, then one for each peer */
export function loopbackHosts(ports: readonly number[]): BenchHosts {
  const [hub, ...hosts] = ports.map((port) => ({ address: '127.0.0.1', port, inside: [], link: undefined }));
  if (!hub) throw new Error('no port for the tracker');
  return { kind: 'loopback', hub, hosts, sentBytes: () => new Map(), close: () => Promise.resolve() };
}

function inNamespace(name: string): string[] {
  return ['ip', 'netns', 'exec', name];
}

function makeSwitch(hubName: string, mtu: number): void {
  run('ip', ['-n', hubName, 'link', 'set', 'lo', 'up']);
  run('ip', ['-n', hubName, 'link', 'add', 'switch', 'mtu', String(mtu), 'type', 'bridge']);
  run('ip', ['-n', hubName, 'addr', 'add', `${SUBNET}.1/24`, 'dev', 'switch']);
  run('ip', ['-n', hubName, 'link', 'set', 'switch', 'up']);
}

interface HostPlan {
  readonly name: string;
  readonly hubName: string;
  readonly number: number;
  readonly mtu: number;
  readonly rate: string | undefined;
}

function makeHost({ name, hubName, number, mtu, rate }: HostPlan): void {
  const [link, size] = [`link${number}`, String(mtu)];
  const peer = ['peer', 'name', 'eth0', 'mtu', size, 'netns', name];
  run('ip', ['-n', hubName, 'link', 'add', link, 'mtu', size, 'type', 'veth', ...peer]);
  run('ip', ['-n', hubName, 'link', 'set', link, 'master', 'switch', 'up']);
  run('ip', ['-n', name, 'addr', 'add', `${SUBNET}.${number}/24`, 'dev', 'eth0']);
  for (const device of ['eth0', 'lo']) run('ip', ['-n', name, 'link', 'set', device, 'up']);
  if (rate !== undefined) run('tc', ['-n', name, 'qdisc', 'add', 'dev', 'eth0', 'root', 'tbf', 'rate', rate, ...TBF]);
}

async function removeLeftovers(): Promise<void> {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  const names = stdout.split('\n').map((line) => line.split(' ')[0] ?? '');
  await removeNamespaces(
    names.filter((name) => {
      const pid = leftoverOwner(name);
      return pid !== undefined && (pid === process.pid || !isRunning(pid));
    }),
  );
}

async function removeNamespaces(names: readonly string[]): Promise<void> {
  for (const name of names) for (const pid of processesIn(name)) killIfThere(pid);
  for (const name of names) {
    for (let tries = 0; processesIn(name).length > 0 && tries < GONE_TRIES; tries += 1) await delay(20);
    spawnSync('ip', ['netns', 'del', name]);
  }
}

function processesIn(name: string): number[] {
  const { stdout } = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
  return stdout.split('\n').filter(Boolean).map(Number);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function run(program: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}
