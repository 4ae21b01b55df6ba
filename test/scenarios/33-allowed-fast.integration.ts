/** A few pieces before the first unchoke (BEP 6), to and from libtorrent. */
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ExternalProcess, requireOrSkip } from '../helpers/external-tool.js';
import { useSwarm } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';

const PIECE = 65_536;
const PIECE_COUNT = 64;
/** libtorrent counts peers on this machine to a class that is never choked. */
const SESSION = `
import libtorrent as lt, sys, time
session = lt.session({'enable_dht': False, 'enable_lsd': False, 'enable_upnp': False, 'enable_natpmp': False,
  'listen_interfaces': '127.0.0.1:0', 'out_enc_policy': 2, 'in_enc_policy': 2, 'unchoke_slots_limit': 0, 'allowed_fast_set_size': 7,
  'allow_multiple_connections_per_ip': True})
everybody = lt.ip_filter()
everybody.add_rule('0.0.0.0', '255.255.255.255', 1 << lt.session.global_peer_class_id)
session.set_peer_class_filter(everybody)
info = lt.torrent_info(sys.argv[1])
`;

describe('Allowed-fast pieces', function () {
  this.timeout(60_000);
  const swarm = useSwarm('each');
  const hasLibtorrent = spawnSync('/usr/bin/python3', ['-c', 'import libtorrent']).status === 0;

  async function aTorrent(): Promise<{ readonly path: string; readonly torrent: string }> {
    const { url } = await swarm.startTracker();
    const path = swarm.file('story.bin', testBytes(PIECE_COUNT * PIECE, 1));
    const torrent = join(swarm.folder('torrent'), 'story.torrent');
    const flags = ['--piece-length', String(PIECE), '--tracker', url, '-o', torrent];
    await swarm.start(['create', path, ...flags]).result();
    return { path, torrent };
  }

  function startPython(script: string, ...args: string[]): ExternalProcess {
    const python = new ExternalProcess('/usr/bin/python3', ['-u', '-c', SESSION + script, ...args], swarm.root);
    swarm.onClose(() => python.kill());
    return python;
  }

  it('are fetched from a libtorrent that chokes everybody', async function () {
    requireOrSkip(this, hasLibtorrent, "libtorrent's Python module");
    const { path, torrent } = await aTorrent();
    startPython(
      `
session.add_torrent({'ti': info, 'save_path': sys.argv[2], 'flags': lt.torrent_flags.seed_mode})
time.sleep(60)
`,
      ...[torrent, dirname(path)],
    );

    const download = swarm.download(torrent, ['--timeout', '1s']);
    const { details } = await download.process.failure();

    expect(details).to.deep.include({ verifiedPieces: 7, pieceCount: PIECE_COUNT });
    const part = readFileSync(download.path('story.bin.part'));
    const data = readFileSync(path);
    const here = Array.from({ length: PIECE_COUNT }, (_, at) => at * PIECE).filter((start) =>
      part.subarray(start, start + PIECE).equals(data.subarray(start, start + PIECE)),
    );
    expect(here).to.have.length(7);
  });

  it('are given to a libtorrent that waits for its unchoke', async function () {
    requireOrSkip(this, hasLibtorrent, "libtorrent's Python module");
    const { path, torrent } = await aTorrent();
    await swarm.seed(path, ['--torrent', torrent, '--no-super-seeding', '--upload-slots', '1', '--upload-limit', '2M']);
    // One regular slot and one by turns: these two hold them for half a minute.
    const hogs = [1, 2].map(() => swarm.download(torrent, ['--download-limit', '16K']));
    await Promise.all(hogs.map(({ process }) => process.until('progress', (line) => line.downTotalBytes > 0)));

    const python = startPython(
      `
handle = session.add_torrent({'ti': info, 'save_path': sys.argv[2]})
until = time.time() + 25
def seeder():
  return [peer for peer in handle.get_peer_info() if peer.flags & lt.peer_info.seed]
while time.time() < until:
  choked = [peer for peer in seeder() if peer.flags & lt.peer_info.remote_choked and peer.total_download > 0]
  if choked and handle.status().num_pieces >= 8: break
  time.sleep(0.05)
print('pieces', handle.status().num_pieces, 'choked', len(choked))
`,
      ...[torrent, swarm.folder('libtorrent')],
    );
    await python.exit();

    const [, pieces, choked] = /pieces (\d+) choked (\d+)/.exec(python.output) ?? [];
    expect(Number(choked), python.output).to.equal(1);
    expect(Number(pieces)).to.be.within(8, 12);
  });
});
