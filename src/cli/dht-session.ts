/** `p2p dht start` once its command line is read: runs until a signal comes. */
import type { DhtNodeOptions } from '../engine/index.js';
import type { ResultFields } from './base-command.js';
import { lanAddress } from './lan-address.js';
import type { Output } from './output.js';
import { StopSignal } from './stop-signal.js';

/** @returns how many nodes it knew; one that was stopped is a success */
export async function runDhtNode(output: Output, options: DhtNodeOptions): Promise<ResultFields> {
  const stop = new StopSignal();
  try {
    const { startDhtNode } = await import('../engine/index.js');
    const node = await startDhtNode(options);
    try {
      const { port } = node;
      output.event('listening', { host: options.host ?? '0.0.0.0', port, ports: [port] });
      const entry = `${options.host ?? lanAddress() ?? 'localhost'}:${port}`;
      output.text(
        `DHT node listening: ${output.style.bold(`UDP ${entry}`)}`,
        `  others seed with   ${output.style.cyan(`p2p peer seed PATH --torrent FILE.torrent --dht-bootstrap ${entry}`)}`,
        `  and download with  ${output.style.cyan(`p2p peer download FILE.torrent --dht-bootstrap ${entry}`)}`,
        output.style.dim('Ctrl-C stops.'),
      );
      await stop.requested;
      return { nodes: node.nodeCount };
    } finally {
      await node.close();
    }
  } finally {
    stop.close();
  }
}
