/** A tracker in a process of its own: `tracker-process.js p2p|MODULE PORT FOLDER`; it believes X-Forwarded-For of loopback. */
import { startTracker } from '../../src/tracker/start-tracker.js';

/** What is used of the `Server` of npm's bittorrent-tracker. */
type OtherServer = new (options: Readonly<Record<string, unknown>>) => {
  listen(port: number, hosts: { readonly http: string; readonly udp: string; readonly udp6: string }): void;
  on(event: 'error' | 'warning', listener: (error: Error) => void): void;
};

const [, , what = '', port = '0', folder = '.'] = process.argv;
if (what === 'p2p') {
  await startTracker({ port: Number(port), host: '127.0.0.1', stateDir: folder, trustedProxies: ['127.0.0.0/8'] });
} else {
  const { default: Server } = (await import(what)) as { default: OtherServer };
  // Without the cache length it keeps 1,000 peers of a torrent.
  const server = new Server({
    udp: true,
    ws: false,
    http: true,
    stats: false,
    trustProxy: true,
    peersCacheLength: 4e6,
  });
  server.on('error', (error) => {
    throw error;
  });
  server.on('warning', () => undefined);
  server.listen(Number(port), { http: '127.0.0.1', udp: '127.0.0.1', udp6: '::1' });
}
