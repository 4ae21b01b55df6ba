/** Hosts of their own where that is possible, else peers on loopback, which says so. */
import { freePorts } from '../shared/free-ports.js';
import type { P2pBench } from '../shared/p2p-bench.js';
import { loopbackHosts, namespaceHosts, whyNoNamespaces, type BenchHosts, type HostSetup } from './bench-hosts.js';

export interface OpenHosts {
  readonly hosts: BenchHosts;
  /** Why they share this machine's loopback; undefined when each is a host of its own. */
  readonly loopbackNote: string | undefined;
}

/**
 * They are taken down with the benchmark, whatever ends it.
 * @param wantsLoopback not to try
 */
export async function openHosts(bench: P2pBench, setup: HostSetup, wantsLoopback: boolean): Promise<OpenHosts> {
  const reason = wantsLoopback ? 'it was asked for' : whyNoNamespaces();
  if (reason !== undefined) {
    const hosts = loopbackHosts(await freePorts(setup.count + 1));
    return { hosts, loopbackNote: `all peers on loopback instead of hosts of their own: ${reason}` };
  }
  const hosts = await namespaceHosts(setup);
  bench.onClose(() => hosts.close());
  return { hosts, loopbackNote: undefined };
}
