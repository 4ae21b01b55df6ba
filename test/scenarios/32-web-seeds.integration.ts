/** Files that web servers hold too (BEP 19): nginx, and servers that misbehave. */
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { hasProgram, requireOrSkip } from '../helpers/external-tool.js';
import { hasNginx, NGINX, startNginx } from '../helpers/nginx.js';
import { useSwarm } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';
import { sendRange, startWebServer, type WebHandler, type WebServer } from '../helpers/web-server.js';

const MIB = 1_048_576;
const FOLDER = {
  'été/a#1 %.bin': testBytes(70_001, 1),
  'b?.bin': testBytes(3, 2),
  'empty.bin': Buffer.alloc(0),
  'z/c&d.bin': testBytes(200_000, 3),
};

describe('Web seeds', function () {
  this.timeout(60_000);
  const swarm = useSwarm('each');

  async function serve(handler: WebHandler): Promise<WebServer> {
    const server = await startWebServer(handler);
    swarm.onClose(() => server.close());
    return server;
  }

  /** A .torrent of this path with these web seeds. */
  async function torrentOf(path: string, webSeeds: readonly string[], flags: readonly string[] = []): Promise<string> {
    const output = join(swarm.folder('torrent'), 'made.torrent');
    const args = ['create', path, '-o', output, ...webSeeds.flatMap((url) => ['--web-seed', url]), ...flags];
    await swarm.start(args).result();
    return output;
  }

  function makeFolder(): string {
    const root = swarm.folder('www');
    for (const [name, bytes] of Object.entries(FOLDER)) {
      const path = join(root, 'al bum', name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes);
    }
    return root;
  }

  it('alone are enough: nginx gives a file and a folder, without any tracker or peer', async function () {
    requireOrSkip(this, hasNginx(), NGINX);
    const root = makeFolder();
    const data = testBytes(5 * MIB + 1, 4);
    writeFileSync(join(root, 'story.bin'), data);
    // Slow enough for progress to be told.
    const url = await startNginx(swarm, root, 'limit_rate 6m;');
    const file = await torrentOf(join(root, 'story.bin'), [url]);
    const folder = await torrentOf(join(root, 'al bum'), [url], ['--piece-length', '16K']);

    const download = swarm.download([file, folder]);
    await download.allCompleted();

    expect(readFileSync(download.path('story.bin'))).to.deep.equal(data);
    for (const [name, bytes] of Object.entries(FOLDER)) {
      expect(readFileSync(join(download.path('al bum'), name)), name).to.deep.equal(bytes);
    }
    expect(download.process.all('progress').some((line) => line.webSeeds === 1 && line.peers === 0)).to.equal(true);
  });

  it('and peers give together what neither gives in time alone', async function () {
    requireOrSkip(this, hasNginx(), NGINX);
    const data = testBytes(8 * MIB, 5);
    const path = swarm.file('story.bin', data);
    const url = await startNginx(swarm, dirname(path), 'limit_rate 3m;');
    await swarm.startTracker();
    const flags = ['--piece-length', '64K'];
    const seed = await swarm.seed(path, [...flags, '--upload-limit', '3M']);

    const torrent = await torrentOf(path, [`${url}story.bin`], flags);
    const download = swarm.download(torrent);
    const summary = await download.completed();
    const { seeds = [] } = (await seed.process.stop(), seed.process.lines.at(-1)) as {
      seeds?: { upTotalBytes: number }[];
    };

    expect(readFileSync(download.path('story.bin'))).to.deep.equal(data);
    const fromPeer = seeds[0]?.upTotalBytes ?? 0;
    expect(fromPeer / data.length, 'share of the peer').to.be.within(0.15, 0.85);
    expect(summary.wastedBytes).to.be.below(data.length / 4);
  });

  it('are left alone with --no-web-seeds', async () => {
    const path = swarm.file('story.bin', testBytes(100_000, 6));
    const server = await serve((_, response) => response.writeHead(404).end());
    const torrent = await torrentOf(path, [`${server.origin}/`]);

    const error = await swarm.download(torrent, ['--no-web-seeds', '--timeout', '1s']).process.failure();

    expect(error.exitCode).to.equal(6);
    expect(server.requests).to.deep.equal([]);
  });

  it('that lie, lack the file, or stall cost no more than a moment beside a peer', async () => {
    const data = testBytes(2 * MIB, 7);
    const path = swarm.file('story.bin', data);
    await swarm.startTracker();
    const flags = ['--piece-length', '64K'];
    const wrong = data.map((byte) => byte ^ 1);
    const liar = await serve((_, response, range) => sendRange(response, wrong, range));
    const empty = await serve((_, response) => response.writeHead(404).end());
    const silent = await serve((_, response, range) => {
      response.writeHead(206, { 'Content-Range': `bytes ${range.from}-${range.to}/${data.length}` });
      response.write(data.subarray(0, 100));
    });
    const webSeeds = [liar, empty, silent].map(({ origin }) => `${origin}/story.bin`);
    const torrent = await torrentOf(path, webSeeds, flags);
    await swarm.seed(path, flags);

    const download = swarm.download(torrent, ['--timeout', '30s']);
    await download.completed();

    expect(readFileSync(download.path('story.bin'))).to.deep.equal(data);
    expect(download.process.all('peer-banned')[0]).to.deep.include({ peer: webSeeds[0] });
    expect(download.process.all('piece-refused')[0]?.peers).to.deep.equal([webSeeds[0]]);
    expect(download.process.all('web-seed-failed')).to.have.lengthOf(1);
    expect(download.process.all('web-seed-failed')[0]).to.deep.include({
      ...{ url: webSeeds[1], message: 'answers 404', retryInMs: null },
    });
  });

  it('are asked by https too, and not when nobody vouches for them', async function () {
    requireOrSkip(this, hasProgram('openssl') || spawnSync('openssl', ['version']).status === 0, 'openssl');
    const data = testBytes(300_000, 8);
    const path = swarm.file('story.bin', data);
    const folder = swarm.folder('tls');
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    spawnSync('openssl', [...request, '-keyout', key, '-out', cert, ...subject]);
    const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (incoming, response) => {
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(incoming.headers.range ?? '') ?? [];
      sendRange(response, data, { from: Number(from), to: Number(to) });
    });
    await new Promise<void>((resolve) => void server.listen(0, 'localhost', resolve));
    swarm.onClose(() => void (server.closeAllConnections(), server.close()));
    const torrent = await torrentOf(path, [`https://localhost:${(server.address() as AddressInfo).port}/`]);

    const trusting = swarm.download(torrent, [], { env: { NODE_EXTRA_CA_CERTS: cert } });
    const wary = swarm.download(torrent, ['--timeout', '1s']);
    await trusting.completed();
    await wary.process.failure();

    expect(readFileSync(trusting.path('story.bin'))).to.deep.equal(data);
    expect(wary.process.all('web-seed-failed')[0]?.message).to.match(/^cannot be reached \(\w*SELF_SIGNED\w*\)$/);
  });
});
