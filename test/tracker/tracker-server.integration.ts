import { expect } from 'chai';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { RequestSources } from '../../src/tracker/request-source.js';
import { startTracker, type RunningTracker } from '../../src/tracker/start-tracker.js';
import { TrackerServer } from '../../src/tracker/tracker-server.js';

/** What Node reads of a connection at once, at most. */
const READ_BYTES = 65_536;
const HOST = 'Host: localhost\r\n';
const CLOSE = `${HOST}Connection: close\r\n\r\n`;

function announcePath(port: number, infoHash = 's'.repeat(20)): string {
  return `/announce?info_hash=${infoHash}&peer_id=${String(port).padStart(20, '0')}&port=${port}&left=1`;
}

/** All that came until the connection ended. */
class Client {
  readonly socket: Socket;
  text = '';
  readonly ended: Promise<string>;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1').setNoDelay();
    this.socket.setEncoding('latin1').on('data', (text: string) => (this.text += text));
    this.socket.on('error', () => undefined);
    this.ended = new Promise((resolve) => this.socket.once('close', () => resolve(this.text)));
  }

  /** Sends a text, and lets the tracker, which lives in this process, read it before the next one. */
  async send(text: string): Promise<void> {
    this.socket.write(text, 'latin1');
    for (let turns = 0; turns < 3; turns += 1) await turn();
  }

  async until(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.text)) await once(this.socket, 'data');
  }
}

describe('TrackerServer', () => {
  let stateDir: string;
  let tracker: RunningTracker;

  before(async () => {
    stateDir = await mkdtemp(join(tmpdir(), 'p2p-tracker-'));
    tracker = await startTracker({ port: 0, stateDir, host: '127.0.0.1' });
  });

  after(async () => {
    await tracker.close();
    await rm(stateDir, { recursive: true });
  });

  /** What the tracker answers to bytes that are sent at once, until it ends the connection. */
  async function answerTo(text: string): Promise<string> {
    const client = new Client(tracker.port);
    client.socket.write(text, 'latin1');
    return client.ended;
  }

  it('answers a request that is split at any byte', async () => {
    const request = `GET ${announcePath(7001)} HTTP/1.1\r\n${CLOSE}`;
    const bodyOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n'));
    const whole = await answerTo(request);
    expect(whole).to.match(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nd8:completei0e10:incompletei1e/);

    for (let at = 1; at < request.length; at += 1) {
      const client = new Client(tracker.port);
      await client.send(request.slice(0, at));
      await client.send(request.slice(at));
      const answer = await client.ended;
      expect(answer, `split at ${at}`).to.match(/^HTTP\/1\.1 200 OK\r\n/);
      expect(bodyOf(answer), `split at ${at}`).to.equal(bodyOf(whole));
    }
  });

  it('answers requests that are sent ahead in order, whoever answers them', async () => {
    const scrape = (letter: string): string => `GET /scrape?info_hash=${letter.repeat(20)} HTTP/1.1\r\n${HOST}\r\n`;
    const stats = `GET /api/stats HTTP/1.1\r\n${HOST}\r\n`;
    const last = `GET /scrape?info_hash=${'e'.repeat(20)} HTTP/1.1\r\n${CLOSE}`;

    const answer = await answerTo(scrape('a') + scrape('b') + stats + scrape('c') + stats + last);

    const order = [...answer.matchAll(/20:(\w)\1{19}|(memoryBytes)/g)].map(([, letter, field]) => letter ?? field);
    expect(order).to.deep.equal(['a', 'b', 'memoryBytes', 'c', 'memoryBytes', 'e']);
    expect(answer.match(/HTTP\/1\.1 200 OK\r\n/g)).to.have.lengthOf(6);
  });

  it('goes on when a request ahead comes in two parts', async () => {
    const client = new Client(tracker.port);
    const request = `GET /scrape?info_hash=${'a'.repeat(20)} HTTP/1.1\r\n${HOST}\r\n`;
    await client.send(request + request.slice(0, 30));
    await client.send(request.slice(30) + request.replace(HOST, `${HOST}Connection: close\r\n`));

    expect((await client.ended).match(/d5:files/g)).to.have.lengthOf(3);
  });

  it('says how long the body is, and names date and type', async () => {
    const answer = await answerTo(`GET ${announcePath(7001)} HTTP/1.1\r\n${CLOSE}`);

    const [header = '', body = ''] = answer.split('\r\n\r\n');
    expect(header).to.include(`\r\nContent-Length: ${body.length}`);
    expect(header).to.include('\r\nContent-Type: text/plain');
    expect(header).to.include('\r\nConnection: close');
    const date = /^Date: (.*)$/m.exec(header)?.[1] ?? '';
    expect(Math.abs(Date.parse(date) - Date.now())).to.be.below(10_000);
  });

  it('keeps a connection of HTTP/1.1 unless it is told otherwise, and ends one of HTTP/1.0', async () => {
    const client = new Client(tracker.port);
    await client.send(`GET ${announcePath(7001)} HTTP/1.1\r\n${HOST}\r\n`);
    await client.until(/peers0:e$/);
    expect(client.text).to.include('\r\nConnection: keep-alive\r\nKeep-Alive: timeout=10\r\n');
    await client.send(`GET ${announcePath(7001)} HTTP/1.1\r\n${CLOSE}`);
    expect((await client.ended).match(/HTTP\/1\.1 200/g)).to.have.lengthOf(2);

    expect(await answerTo(`GET ${announcePath(7001)} HTTP/1.0\r\n\r\n`)).to.match(/^HTTP\/1\.1 200 .*[^]*peers0:e$/);
  });

  it('answers who has sent all and shut its side', async () => {
    const client = new Client(tracker.port);
    client.socket.end(`GET ${announcePath(7001)} HTTP/1.1\r\n${HOST}\r\n`);
    expect(await client.ended).to.match(/peers0:e$/);
  });

  it('takes a URL of 8 KiB, and refuses one byte more', async () => {
    const path = `${announcePath(7001)}&x=`;
    const withUrl = (length: number): string => `GET ${path.padEnd(length, 'x')} HTTP/1.1\r\n${CLOSE}`;
    expect(await answerTo(withUrl(8_192))).to.match(/^HTTP\/1\.1 200 /);
    expect(await answerTo(withUrl(8_193))).to.match(/^HTTP\/1\.1 414 /);
    expect(await answerTo(withUrl(20_000))).to.match(/^HTTP\/1\.1 431 /);
  });

  it('refuses methods, malformed headers and bytes that are no HTTP', async () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      [`POST ${announcePath(7001)} HTTP/1.1\r\n${CLOSE}`, /^HTTP\/1\.1 405 /],
      [`DELETE ${announcePath(7001)} HTTP/1.1\r\n${CLOSE}`, /^HTTP\/1\.1 405 /],
      [`BREW ${announcePath(7001)} HTTP/1.1\r\n${CLOSE}`, /^HTTP\/1\.1 400 /],
      [`GET ${announcePath(7001)} HTTP/1.1\r\n\r\n`, /^HTTP\/1\.1 400 /],
      [`GET ${announcePath(7001)} HTTP/1.1\r\nHost: a\rX: b\r\n\r\n`, /^HTTP\/1\.1 400 /],
      [`GET ${announcePath(7001)} HTTP/1.1\r\nHost: a\0b\r\n\r\n`, /^HTTP\/1\.1 400 /],
      [`GET ${announcePath(7001)} HTTP/1.1\r\nHost : a\r\n\r\n`, /^HTTP\/1\.1 400 /],
      [`GET ${announcePath(7001)} HTTP/9.1\r\n${CLOSE}`, /^HTTP\/1\.1 (400|505) /],
      ['\x13BitTorrent protocol'.padEnd(68, '\0'), /^HTTP\/1\.1 400 /],
      ['\x16\x03\x01', /^HTTP\/1\.1 400 /],
    ];
    for (const [text, expected] of cases) expect(await answerTo(text), JSON.stringify(text)).to.match(expected);
  });

  it('answers HEAD with a header alone', async () => {
    expect(await answerTo(`HEAD ${announcePath(7001)} HTTP/1.1\r\n${CLOSE}`)).to.match(/^HTTP\/1\.1 200 [^]*\r\n\r\n$/);
  });

  it('lets no query write into the header of its answer', async () => {
    const evil = '%0d%0aSet-Cookie:%20a=b%0d%0a';
    for (const path of [
      `/announce?info_hash=${evil}`,
      `/scrape?info_hash=${evil}`,
      `${announcePath(7001)}&x=${evil}`,
    ]) {
      expect(await answerTo(`GET ${path} HTTP/1.1\r\n${CLOSE}`), path).to.not.include('Set-Cookie');
    }
    const named = await answerTo(`GET /scrape?info_hash=${'%0d%0a'.repeat(10)} HTTP/1.1\r\n${CLOSE}`);
    expect(named.slice(0, named.indexOf('d5:files'))).to.match(/^HTTP\/1\.1 200 OK\r\n(?:[\w-]+: .*\r\n){5}\r\n$/);
  });

  it('goes on when connections are reset', async () => {
    const clients = Array.from({ length: 20 }, () => new Client(tracker.port));
    await Promise.all(clients.map(({ socket }) => once(socket, 'connect')));
    for (const { socket } of clients) {
      socket.write(`GET ${announcePath(7001)} HTTP/1.1\r\n${HOST}\r\n`);
      socket.resetAndDestroy();
    }
    await Promise.all(clients.map(({ ended }) => ended));
    expect(await answerTo(`GET ${announcePath(7001)} HTTP/1.1\r\n${CLOSE}`)).to.match(/^HTTP\/1\.1 200 /);
  });

  it('ends connections that are silent, that dribble, and that are idle', async () => {
    const startedMs = performance.now();
    const secondsOf = async (client: Client): Promise<number> => {
      await client.ended;
      return (performance.now() - startedMs) / 1000;
    };
    const silent = new Client(tracker.port);
    const idle = new Client(tracker.port);
    idle.socket.write(`GET ${announcePath(7001)} HTTP/1.1\r\n${HOST}\r\n`);
    const dribbling = new Client(tracker.port);
    const dribblingLater = new Client(tracker.port);
    dribblingLater.socket.write(`GET ${announcePath(7001)} HTTP/1.1\r\n${HOST}\r\n`);
    const dribble = setInterval(() => {
      dribbling.socket.write('G');
      dribblingLater.socket.write('G');
    }, 200);
    try {
      const [silentSeconds, dribblingSeconds, laterSeconds, idleSeconds] = await Promise.all(
        [silent, dribbling, dribblingLater, idle].map(secondsOf),
      );
      expect(silentSeconds, 'silent').to.be.within(4.5, 8);
      expect(dribblingSeconds, 'dribbling').to.be.below(8);
      expect(laterSeconds, 'dribbling after an answer').to.be.below(8);
      expect(idleSeconds, 'idle').to.be.within(9.5, 13);
    } finally {
      clearInterval(dribble);
    }
  });

  it('answers no further than its answers are read', async () => {
    // 200 KB of requests, several reads; 100 MB of answers, more than a kernel holds.
    const requestCount = 5_000;
    const body = 'x'.repeat(20_000);
    let answered = 0;
    const server = new TrackerServer({
      sources: new RequestSources([]),
      listener: (_request, response) => {
        answered += 1;
        response.end(body);
      },
      answerPlain: () => {
        answered += 1;
        return body;
      },
      nowMs: () => performance.now(),
    });
    const socket = connect((await server.listen('127.0.0.1', 0)).port, '127.0.0.1').pause();
    try {
      const request = `GET /announce HTTP/1.1\r\n${HOST}\r\n`;
      socket.write(request.repeat(requestCount - 1) + `GET /announce HTTP/1.1\r\n${CLOSE}`);
      for (let turns = 0; turns < 500; turns += 1) await turn();
      // What came in one read is answered by Node to the end.
      expect(answered).to.be.within(1, Math.ceil(READ_BYTES / request.length));

      let receivedBytes = 0;
      socket.on('data', (bytes: Buffer) => (receivedBytes += bytes.length));
      socket.resume();
      await once(socket, 'close');
      expect(answered).to.equal(requestCount);
      expect(receivedBytes).to.be.greaterThan(requestCount * body.length);
    } finally {
      socket.destroy();
      await server.close();
    }
  });
});
