/** One webtorrent peer: `webtorrent-peer.js MODULE TORRENT FOLDER PORT seed|download`; a download ends when it is complete. */

interface WebTorrent {
  add(torrent: string, options: Readonly<Record<string, unknown>>, onReady: (torrent: Download) => void): void;
  on(event: 'error', listener: (error: Error) => void): void;
  destroy(): void;
}

interface Download {
  on(event: 'done', listener: () => void): void;
}

const [module = '', torrent = '', folder = '', port = '0', role] = process.argv.slice(2);
const { default: Client } = (await import(module)) as {
  readonly default: new (options: Readonly<Record<string, unknown>>) => WebTorrent;
};

const client = new Client({
  torrentPort: Number(port),
  dht: false,
  lsd: false,
  utp: false,
  utPex: false,
  natUpnp: false,
});
client.on('error', (error) => {
  throw error;
});
client.add(torrent, { path: folder, skipVerify: role === 'seed' }, (download) => {
  if (role === 'download') download.on('done', () => client.destroy());
});
