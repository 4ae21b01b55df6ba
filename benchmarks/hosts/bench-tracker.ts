/**
 * The tracker of a benchmark, a process of its own: any torrent, every peer told of all others, short intervals so that no
 * client waits for its next announce. It prints a JSON line when it listens and one for each announce, which is how a
 * benchmark knows that a seeder is ready.
 *
 *     node bench-tracker.js HOST PORT
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const INTERVAL_SECONDS = 5;

/** Info hash as it was escaped → `host:port` → whether it is a seeder. */
const swarms = new Map<string, Map<string, boolean>>();
const [host = '127.0.0.1', port = '0'] = process.argv.slice(2);

const server = createServer((request, response) => {
  const reply = answer(request.url ?? '', (request.socket.remoteAddress ?? '').replace('::ffff:', ''));
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': reply.length });
  response.end(reply);
});

server.listen(Number(port), host, () => {
  print({ type: 'listening', port: (server.address() as AddressInfo).port });
});

function answer(url: string, address: string): Buffer {
  const query = new Map(
    url
      .slice(url.indexOf('?') + 1)
      .split('&')
      .map((pair) => pair.split('=', 2) as [string, string]),
  );
  // Clients escape different bytes, and in either case.
  const torrent = Buffer.from(unescapeBytes(query.get('info_hash') ?? ''), 'latin1').toString('hex');
  const peers = swarms.get(torrent) ?? new Map<string, boolean>();
  swarms.set(torrent, peers);
  const name = `${address}:${query.get('port') ?? ''}`;
  if (query.get('event') === 'stopped') peers.delete(name);
  else peers.set(name, query.get('left') === '0');
  print({ type: 'announce', name, event: query.get('event'), left: Number(query.get('left')) });
  const others = [...peers.keys()].filter((other) => other !== name);
  const seeders = [...peers.values()].filter(Boolean).length;
  const counts = `8:completei${seeders}e10:incompletei${peers.size - seeders}e8:intervali${INTERVAL_SECONDS}e`;
  const compact = Buffer.concat(others.map(compactPeer));
  const head = `d${counts}12:min intervali${INTERVAL_SECONDS}e5:peers${compact.length}:`;
  return Buffer.concat([Buffer.from(head), compact, Buffer.from('e')]);
}

function unescapeBytes(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Four bytes of address and two of port (BEP 23). */
function compactPeer(name: string): Buffer {
  const [address = '', at] = name.split(':');
  return Buffer.from([...address.split('.').map(Number), Number(at) >>> 8, Number(at) & 0xff]);
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
