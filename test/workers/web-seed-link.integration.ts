/** A web seed's link in one worker's part of a torrent, against servers that behave and such as do not. */
import { expect } from 'chai';
import type http from 'node:http';
import type { AddressInfo } from 'node:net';
import net from 'node:net';

import { MAX_UNRANGED_FILE_BYTES } from '../../src/workers/range-answer.js';
import { SharedTokenBucket } from '../../src/workers/shared-token-bucket.js';
import { WebSeedLink } from '../../src/workers/web-seed-link.js';
import { sendRange, startWebServer, type WebHandler, type WebServer } from '../helpers/web-server.js';
import { aWorker, type Worker } from './one-worker.js';
import { turns, until, useTorrents, type TorrentOnDisk, type TorrentShape } from './torrent-on-disk.js';

const KIB = 1_024;
const BLOCK = 16 * KIB;

describe('WebSeedLink', function () {
  this.timeout(20_000);
  const aTorrent = useTorrents();
  const cleanups: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function serve(handler: WebHandler): Promise<WebServer> {
    const server = await startWebServer(handler);
    cleanups.push(() => server.close());
    return server;
  }

  /** What the file of a request's path holds. */
  function fileOf(disk: TorrentOnDisk, url = ''): Uint8Array {
    const at = Number(/(\d+)\.bin$/.exec(url)?.[1]);
    const start = disk.layout.fileOffset(at);
    return disk.bytes.subarray(start, start + (disk.torrentFiles[at]?.lengthBytes ?? 0));
  }

  function open(disk: TorrentOnDisk, url: string, bucket = SharedTokenBucket.allocate()): Opened {
    const worker = aWorker(disk);
    const host = {
      uploadBucket: new SharedTokenBucket(SharedTokenBucket.allocate()),
      downloadBucket: new SharedTokenBucket(bucket),
      client: 'p2p/test',
      emit: (message: (typeof worker.emitted)[number]) => worker.emitted.push(message),
      emitLater: (message: (typeof worker.emitted)[number]) => worker.emitted.push(message),
      nowMs: () => worker.nowMs,
    };
    const link = new WebSeedLink({
      ...{ linkId: 900, host, torrent: worker.torrent, url, blameKey: url },
      onClosed: () => undefined,
    });
    cleanups.push(async () => {
      link.close('ours', 'the test is over');
      await link.settled();
    });
    return {
      worker,
      link,
      host,
      fetch: (...pieces) => pieces.map((index) => worker.fetch({ linkId: 900, trade: link }, index)),
      verified: async (count) => {
        await until(() => worker.events('piece-verified').length + worker.events('link-closed').length >= count);
        return worker.events('piece-verified').map(({ pieceIndex }) => pieceIndex as number);
      },
      failure: async () => {
        await until(() => worker.events('link-closed').length > 0);
        const [failure] = worker.events('web-seed-failed');
        return `${failure?.isLasting === true ? 'for good' : 'for now'}: ${failure?.message ?? ''}`;
      },
    };
  }

  interface Opened {
    readonly worker: Worker;
    readonly link: WebSeedLink;
    readonly host: { nowMs(): number; readonly downloadBucket: SharedTokenBucket };
    fetch(...pieces: number[]): ReturnType<Worker['fetch']>[];
    /** The verified pieces, once there are so many or the link is closed. */
    verified(count: number): Promise<number[]>;
    /** How the link failed, once it has. */
    failure(): Promise<string>;
  }

  /** A torrent, a server that has it (unless `handler` does otherwise), and a link to that. */
  async function opened(
    shape: Partial<TorrentShape> = {},
    handler?: (disk: TorrentOnDisk) => WebHandler,
    path = '/',
  ): Promise<Opened & { readonly disk: TorrentOnDisk; readonly server: WebServer }> {
    const disk = aTorrent({ pieceLengthBytes: 2 * BLOCK, lengths: 8 * BLOCK, ...shape });
    const good: WebHandler = (request, response, range) => {
      sendRange(response, fileOf(disk, request.url), range);
    };
    const server = await serve(handler?.(disk) ?? good);
    return { ...open(disk, server.origin + path), disk, server };
  }

  it('asks for adjacent pieces at once', async () => {
    const { fetch, verified, server, disk } = await opened({ lengths: 8 * BLOCK + 5 });
    fetch(0, 1, 3, 4);

    expect(await verified(4)).to.have.members([0, 1, 3, 4]);
    expect(server.requests).to.deep.equal([
      `GET /0.bin bytes=0-${4 * BLOCK - 1}`,
      `GET /0.bin bytes=${6 * BLOCK}-${8 * BLOCK + 4}`,
    ]);
    expect(disk.onDisk().subarray(6 * BLOCK)).to.deep.equal(Buffer.from(disk.bytes.subarray(6 * BLOCK)));
  });

  it('goes over the borders of files, and makes up what is padding', async () => {
    const lengths = [10, 3 * BLOCK, -(BLOCK - 10), 0, 1, 5_000];
    const { fetch, verified, server, disk } = await opened({ lengths });
    fetch(...Array.from({ length: disk.layout.pieceCount }, (_, at) => at));

    expect(await verified(disk.layout.pieceCount)).to.have.length(disk.layout.pieceCount);
    expect(server.requests).to.have.members([
      'GET /album/0.bin bytes=0-9',
      `GET /album/1.bin bytes=0-${3 * BLOCK - 1}`,
      'GET /album/4.bin bytes=0-0',
      'GET /album/5.bin bytes=0-4999',
    ]);
  });

  it('keeps its connection, and does not mind when the server closes that in between', async () => {
    const { fetch, verified, server } = await opened({}, (disk) => (request, response, range) => {
      sendRange(response, fileOf(disk, request.url), range);
      // Without a word, as a server does that restarts.
      if (range.from > 0) response.on('close', () => request.socket.resetAndDestroy());
    });
    for (const piece of [0, 1, 2]) {
      fetch(piece);
      await verified(piece + 1);
    }

    expect(await verified(3)).to.have.length(3);
    expect(server.connectionCount).to.equal(2);
  });

  it('gives its pieces back before it is closed, with what came of them', async () => {
    const { fetch, failure, worker } = await opened({}, (disk) => (request, response, range) => {
      const bytes = fileOf(disk, request.url);
      response.writeHead(206, { 'Content-Range': `bytes ${range.from}-${range.to}/${bytes.length}` });
      response.write(bytes.subarray(0, 3 * BLOCK + 7), () => request.socket.destroySoon());
    });
    fetch(0, 1, 2);

    expect(await failure()).to.equal('for now: broke off (ECONNRESET)');
    const blocks = new Map(
      worker.events('piece-released').map(({ pieceIndex, partial }) => [pieceIndex as number, partial[0]?.blocks[0]]),
    );
    // The first piece may have been verified by then, or its blocks are on disk.
    if (blocks.has(0)) expect(blocks.get(0)).to.equal(0b1100_0000);
    expect([blocks.get(1), blocks.get(2)]).to.deep.equal([0b1000_0000, undefined]);
    expect(worker.emitted.at(-1)).to.have.nested.property('event.type', 'link-closed');
  });

  describe('with a server that does not do what it should', () => {
    const answers: readonly [what: string, told: string, handler: (disk: TorrentOnDisk) => WebHandler][] = [
      [
        'has no such file',
        'for good: answers 404',
        () => (_, response) => response.writeHead(404).end('x'.repeat(100_000)),
      ],
      [
        'has less of the file',
        'for good: answers 416: it has not all 131072 bytes of the file',
        () => (_, response) => response.writeHead(416).end(),
      ],
      [
        'is out of order',
        'for now: answers 503',
        () => (_, response) => response.writeHead(503, { 'Retry-After': '7' }).end(),
      ],
      [
        'sends another range',
        'for good: answers a request for bytes 0-65535 with another range',
        (disk) => (_, response) => sendRange(response, disk.bytes, { from: 1, to: 65_536 }),
      ],
      [
        'has a longer file',
        "for good: has a file of 131073 bytes, the torrent's has 131072",
        () =>
          (_, response, { from, to }) =>
            sendRange(response, Buffer.alloc(131_073), { from, to }),
      ],
      [
        'ends too early',
        'for now: ended after 1000 of 65536 bytes',
        () => (_, response) => {
          response.writeHead(206, { 'Content-Range': 'bytes 0-65535/131072' });
          response.end(Buffer.alloc(1_000));
        },
      ],
      [
        'redirects without end',
        'for good: redirects more than 3 times',
        () => (_, response) => response.writeHead(302, { Location: '/again' }).end(),
      ],
      [
        'redirects to another scheme',
        'for good: redirects to what is no http or https URL',
        () => (_, response) => response.writeHead(301, { Location: 'file:///etc/passwd' }).end(),
      ],
      [
        'redirects to where clouds keep their secrets',
        'for good: is at an address that is never asked (link-local, multicast or reserved)',
        () => (_, response) => response.writeHead(302, { Location: 'http://169.254.169.254/latest/' }).end(),
      ],
      [
        'redirects to a query in the local network',
        'for good: is in the local network, where no URL with a query is asked for',
        () => (_, response) => response.writeHead(302, { Location: '/reboot?now=1' }).end(),
      ],
      [
        'sends a head without end',
        'for good: does not speak HTTP (HPE_HEADER_OVERFLOW)',
        () => (_, response) => response.writeHead(206, { 'X-Long': 'x'.repeat(100_000) }).end(),
      ],
    ];
    for (const [what, told, handler] of answers) {
      it(`fails when it ${what}`, async () => {
        const { fetch, failure } = await opened({}, handler);
        fetch(0, 1);

        expect(await failure()).to.equal(told);
      });
    }

    it('fails when it speaks no HTTP', async () => {
      const server = net
        .createServer((socket) => socket.resume().end('220 mail.example ESMTP\r\n'))
        .listen(0, '127.0.0.1');
      cleanups.push(() => void server.close());
      await until(() => server.listening);
      const { fetch, failure } = open(
        aTorrent({ pieceLengthBytes: BLOCK, lengths: BLOCK }),
        `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      );
      fetch(0);

      expect(await failure()).to.match(/^for good: does not speak HTTP \(HPE_/);
    });

    it('fails when nobody listens', async () => {
      const { fetch, failure } = open(aTorrent({ pieceLengthBytes: BLOCK, lengths: BLOCK }), 'http://127.0.0.1:1/');
      fetch(0);

      expect(await failure()).to.equal('for now: cannot be reached (ECONNREFUSED)');
    });

    it('never asks a forbidden address', async () => {
      const { fetch, failure } = open(aTorrent({ pieceLengthBytes: BLOCK, lengths: BLOCK }), 'http://169.254.169.254/');
      fetch(0);

      expect(await failure()).to.match(/^for good: is at an address that is never asked/);
    });

    it('judges the address that a name stands for', async () => {
      const { fetch, failure } = open(aTorrent({ pieceLengthBytes: BLOCK, lengths: BLOCK }), 'http://localhost:1/x?y');
      fetch(0);

      expect(await failure()).to.equal('for good: is in the local network, where no URL with a query is asked for');
    });

    it('tells how long it wants to be left alone', async () => {
      const { fetch, failure, worker } = await opened({}, () => (_, response) => {
        response.writeHead(503, { 'Retry-After': '7' }).end();
      });
      fetch(0);
      await failure();

      expect(worker.events('web-seed-failed')[0]).to.include({ retryAfterMs: 7_000 });
    });

    it('cuts a body that does not end, and asks anew for what is left', async () => {
      const { fetch, verified, server } = await opened({}, (disk) => (request, response, range) => {
        const bytes = fileOf(disk, request.url);
        response.writeHead(206, { 'Content-Range': `bytes ${range.from}-${range.to}/${bytes.length}` });
        response.write(bytes.subarray(range.from, range.to + 1));
        const more = (): void => {
          if (response.writable) response.write(Buffer.alloc(65_536), more);
        };
        more();
      });
      fetch(0);
      await verified(1);
      fetch(1);

      expect(await verified(2)).to.have.length(2);
      expect(server.connectionCount).to.equal(2);
    });

    it('reads what it needs of a small file that comes whole', async () => {
      const { fetch, verified, worker } = await opened({}, (disk) => (request, response) => {
        response.end(fileOf(disk, request.url));
      });
      fetch(2);

      expect(await verified(1)).to.deep.equal([2]);
      const wasted = worker.emitted.reduce((sum, message) => sum + (message.type === 'wasted' ? message.bytes : 0), 0);
      expect(wasted).to.equal(4 * BLOCK);
    });

    it('gives up on a large file that comes whole for a part of it', async () => {
      const pieceLengthBytes = 8 * 1_024 * KIB;
      const { fetch, failure } = await opened(
        { pieceLengthBytes, lengths: MAX_UNRANGED_FILE_BYTES + 1, hashes: ['blake3'] },
        (disk) => (request, response) => {
          response.end(fileOf(disk, request.url));
        },
      );
      fetch(1);

      expect(await failure()).to.match(/^for good: ignores range requests/);
    });

    it('sends what is not in the torrent: the piece fails, as with a peer', async () => {
      const { fetch, worker } = await opened({}, (disk) => (_, response, range) => {
        sendRange(
          response,
          disk.bytes.map((byte) => byte ^ 1),
          range,
        );
      });
      fetch(0);

      await until(() => worker.events('piece-failed').length > 0);
      expect(worker.events('piece-failed')[0]).to.include({ linkId: 900, pieceIndex: 0 });
    });

    it('is given up for now after 20 s of silence, or a trickle', async () => {
      for (const [byteCount, ms, told] of [
        [0, 20_001, 'sent nothing for 20 s'],
        [1, 10_000, 'sends less than 1 KiB/s'],
      ] as const) {
        const responses: http.ServerResponse[] = [];
        const { fetch, link, worker, failure, server } = await opened({}, (disk) => (_, response, range) => {
          response.writeHead(206, { 'Content-Range': `bytes ${range.from}-${range.to}/${disk.bytes.length}` });
          response.write(disk.bytes.subarray(0, byteCount));
          responses.push(response);
        });
        fetch(0);
        await until(() => server.requests.length > 0);
        link.handleTick(worker.nowMs);
        const received = (): number => link.measure(worker.nowMs).downTotalBytes;
        for (let at = 1; at <= 4 && worker.events('link-closed').length === 0; at += 1) {
          worker.nowMs += ms;
          if (byteCount > 0) {
            const before = received();
            responses[0]?.write(Buffer.alloc(byteCount));
            await until(() => received() > before);
          }
          link.handleTick(worker.nowMs);
          await turns();
        }

        expect(await failure()).to.equal(`for now: ${told}`);
      }
    });
  });

  it('reads no faster than the rate limit allows, and is not blamed for the pauses', async () => {
    const memory = SharedTokenBucket.allocate();
    const main = new SharedTokenBucket(memory);
    main.refill(16_384, 1_000);
    const disk = aTorrent({ pieceLengthBytes: 4 * BLOCK, lengths: 64 * BLOCK });
    const server = await serve((request, response, range) => sendRange(response, fileOf(disk, request.url), range));
    const { fetch, link, worker } = open(disk, `${server.origin}/`, memory);
    fetch(...Array.from({ length: 16 }, (_, at) => at));
    const total = (): number => link.measure(worker.nowMs).downTotalBytes;
    await until(() => total() > 0);

    for (let at = 0; at < 8; at += 1) {
      const before = total();
      worker.nowMs += 25_000;
      link.handleTick(worker.nowMs);
      await turns(20);
      expect(total(), 'without tokens').to.equal(before);
      expect(link.measure(worker.nowMs).stalledMs).to.equal(0);
      for (let refills = 0; !main.hasTokens; refills += 1) main.refill(16_384, 1_000);
      link.handleTick(worker.nowMs);
      await until(() => total() > before);
    }

    expect(total()).to.be.below(8 * 65_536 + 65_537);
    expect(worker.events('web-seed-failed')).to.deep.equal([]);
  });

  it('reads nothing while there is no memory for it, and goes on when there is', async () => {
    const disk = aTorrent({ pieceLengthBytes: 4 * BLOCK, lengths: 64 * BLOCK, budgetBytes: 8 * BLOCK });
    const server = await serve((request, response, range) => sendRange(response, fileOf(disk, request.url), range));
    const { fetch, link, worker, verified } = open(disk, `${server.origin}/`);
    disk.files.hold();
    fetch(...Array.from({ length: 16 }, (_, at) => at));
    await until(() => disk.files.heldCount === 2);
    await turns(20);

    expect(link.measure(worker.nowMs).downTotalBytes).to.equal(8 * BLOCK);
    disk.files.letGo();
    while (worker.events('piece-verified').length < 16) {
      link.pump();
      await turns(1);
    }
    expect(await verified(16)).to.have.length(16);
  });

  it('leaves to helpers what they took, and breaks off when nothing else is left', async () => {
    const { fetch, worker, disk } = await opened(
      { pieceLengthBytes: 64 * BLOCK, lengths: 64 * BLOCK },
      (disk) => (_, response, range) => {
        response.writeHead(206, { 'Content-Range': `bytes ${range.from}-${range.to}/${disk.bytes.length}` });
        response.write(disk.bytes.subarray(0, 2 * BLOCK));
        rest = () => response.write(disk.bytes.subarray(2 * BLOCK));
        response.on('close', () => (isCut = true));
      },
    );
    let rest: () => void = () => undefined;
    let isCut = false;
    const [assembly] = fetch(0);
    if (!assembly) throw new Error('no assembly');
    await until(() => !assembly.claims.isFree(1));
    for (let block = 63; block >= 10; block -= 1) assembly.claims.claimForHelp(block);

    rest();
    await until(() => isCut);

    for (let block = 63; block >= 10; block -= 1) {
      assembly.claims.beginWrite(block);
      await disk.files.write(block * BLOCK, disk.block(0, block));
    }
    assembly.handleFerried(
      Array.from({ length: 54 }, (_, at) => 10 + at),
      'helper',
    );
    await until(() => worker.events('piece-verified').length === 1);
  });

  it('asks again for what helpers kept for too long', async () => {
    const { fetch, link, worker, server, verified } = await opened({ pieceLengthBytes: 4 * BLOCK, lengths: 4 * BLOCK });
    const [assembly] = fetch(0);
    assembly?.claims.claimForHelp(3);
    await until(() => link.measure(worker.nowMs).downTotalBytes === 3 * BLOCK);
    await turns();

    link.handleTick(worker.nowMs);
    worker.nowMs += 1_001;
    link.handleTick(worker.nowMs);

    expect(await verified(1)).to.deep.equal([0]);
    expect(server.requests).to.deep.equal([
      `GET /0.bin bytes=0-${3 * BLOCK - 1}`,
      `GET /0.bin bytes=${3 * BLOCK}-${4 * BLOCK - 1}`,
    ]);
  });

  it('gives back what was not touched, and keeps what is arriving', async () => {
    const { fetch, link, worker, server } = await opened({}, (disk) => (_, response, range) => {
      response.writeHead(206, { 'Content-Range': `bytes ${range.from}-${range.to}/${disk.bytes.length}` });
      response.write(disk.bytes.subarray(0, 100));
    });
    fetch(0, 1);
    await until(() => link.measure(worker.nowMs).downTotalBytes > 0);

    link.releaseUntouched(disk(worker, 0));
    link.releaseUntouched(disk(worker, 1));
    await until(() => worker.events('piece-released').length > 0);

    expect(worker.events('piece-kept').map(({ pieceIndex }) => pieceIndex)).to.deep.equal([0]);
    expect(worker.events('piece-released').map(({ pieceIndex }) => pieceIndex)).to.deep.equal([1]);
    expect(server.requests).to.have.length(1);
  });
});

const disk = (worker: Worker, index: number) => worker.disk.piece(index);
