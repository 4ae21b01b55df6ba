import { expect } from 'chai';
import fc from 'fast-check';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { Duplex } from 'node:stream';
import { readPlainRequest, type PlainRequest } from '../../src/tracker/plain-request.js';
import { MAX_HEADER_BYTES, MAX_URL_BYTES } from '../../src/tracker/tracker-limits.js';

const ANNOUNCE = 'GET /announce?info_hash=%ff%00a HTTP/1.1\r\nHost: localhost:9999\r\nUser-Agent: x/1\r\n\r\n';
const ODD_BYTES = ['\r', '\n', ' ', '\t', ':', '?', '&', '%', '#', '\0', '\x7f', '\xff', 'a', 'Z', '1', '/'];

function read(
  text: string,
  start = 0,
): (Omit<PlainRequest, 'queryStart' | 'queryEnd'> & { query: string }) | undefined {
  const plain = readPlainRequest(Buffer.from(text, 'latin1'), start);
  if (!plain) return undefined;
  const { queryStart, queryEnd, ...rest } = plain;
  return { ...rest, query: text.slice(queryStart, queryEnd) };
}

function withHeader(...lines: string[]): string {
  return ANNOUNCE.replace('\r\n\r\n', `\r\n${lines.join('\r\n')}\r\n\r\n`);
}

describe('readPlainRequest', () => {
  it('reads an announce and a scrape', () => {
    expect(read(ANNOUNCE)).to.deep.equal({
      path: '/announce',
      query: 'info_hash=%ff%00a',
      keepsAlive: true,
      end: ANNOUNCE.length,
    });
    expect(read('GET /scrape HTTP/1.1\r\nhost:\r\n\r\n')).to.deep.include({ path: '/scrape', query: '' });
    expect(read('GET /scrape? HTTP/1.1\r\nhost:\r\n\r\n')).to.deep.include({ path: '/scrape', query: '' });
  });

  it('reads the request at an offset, and says where the next begins', () => {
    const two = ANNOUNCE + ANNOUNCE.replace('announce', 'scrape');
    expect(read(two)?.end).to.equal(ANNOUNCE.length);
    expect(read(two, ANNOUNCE.length)).to.deep.include({ path: '/scrape', end: two.length });
  });

  it('reads no part of a request', () => {
    for (let length = 0; length < ANNOUNCE.length; length += 1) {
      expect(read(ANNOUNCE.slice(0, length)), ANNOUNCE.slice(0, length)).to.equal(undefined);
    }
  });

  it('knows whether the connection is kept', () => {
    const keepsAlive = (text: string): boolean | undefined => read(text)?.keepsAlive;
    expect(keepsAlive(withHeader('Connection: keep-alive'))).to.equal(true);
    expect(keepsAlive(withHeader('CONNECTION:\t Close '))).to.equal(false);
    expect(keepsAlive('GET /announce HTTP/1.0\r\n\r\n')).to.equal(false);
    expect(keepsAlive('GET /announce HTTP/1.0\r\nConnection: close\r\n\r\n')).to.equal(false);
  });

  it('leaves to Node what is more than plain', () => {
    for (const text of [
      withHeader('Content-Length: 0'),
      withHeader('content-length: 5'),
      withHeader('Transfer-Encoding: chunked'),
      withHeader('Expect: 100-continue'),
      withHeader('Upgrade: websocket'),
      withHeader('Connection: upgrade'),
      withHeader('Connection: close', 'Connection: keep-alive'),
      withHeader('Host: another'),
      'GET /announce HTTP/1.1\r\n\r\n',
      'GET /announce HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
    ]) {
      expect(read(text), text).to.equal(undefined);
    }
  });

  it('leaves to Node what is another request, or none', () => {
    for (const text of [
      ANNOUNCE.replace('GET', 'POST'),
      ANNOUNCE.replace('GET', 'get'),
      ANNOUNCE.replace('GET', 'HEAD'),
      ANNOUNCE.replace('/announce', '/announcement'),
      ANNOUNCE.replace('/announce', '/Announce'),
      ANNOUNCE.replace('/announce', 'http://localhost/announce'),
      ANNOUNCE.replace('/announce', '/api/stats'),
      ANNOUNCE.replace('HTTP/1.1', 'HTTP/1.2'),
      ANNOUNCE.replace('HTTP/1.1', 'HTTP/2.0'),
      ANNOUNCE.replace(' HTTP/1.1', ''),
      ANNOUNCE.replace('%ff', '\xff'),
      ANNOUNCE.replace('%ff', '#'),
      ANNOUNCE.replace('%ff', '\0'),
      ANNOUNCE.replaceAll('\r\n', '\n'),
      ANNOUNCE.replace('User-Agent:', ' folded'),
      ANNOUNCE.replace('User-Agent:', 'User Agent:'),
      ANNOUNCE.replace('User-Agent:', ':'),
      ANNOUNCE.replace('x/1', 'x\r1'),
      ANNOUNCE.replace('x/1', 'x\n1'),
      ANNOUNCE.replace('x/1', 'x\x7f1'),
      `\r\n${ANNOUNCE}`,
      '\x13BitTorrent protocol',
    ]) {
      expect(read(text), JSON.stringify(text)).to.equal(undefined);
    }
  });

  it('reads a URL of 8 KiB and a header of 16 KiB, and not a byte more', () => {
    const withUrl = (length: number): string =>
      `GET /announce?${'x'.repeat(length - '/announce?'.length)} HTTP/1.1\r\nHost: x\r\n\r\n`;
    expect(read(withUrl(MAX_URL_BYTES))).to.not.equal(undefined);
    expect(read(withUrl(MAX_URL_BYTES + 1))).to.equal(undefined);

    const withLength = (length: number): string => {
      const bare = withHeader('X: ').length;
      return `${ANNOUNCE}${withHeader(`X: ${'x'.repeat(length - bare)}`)}`;
    };
    expect(read(withLength(MAX_HEADER_BYTES), ANNOUNCE.length)).to.not.equal(undefined);
    expect(read(withLength(MAX_HEADER_BYTES + 1), ANNOUNCE.length)).to.equal(undefined);
  });

  describe('beside its twin, the HTTP server of Node', () => {
    let server: Server;

    before(async () => {
      server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
    });

    after(async () => {
      const closed = once(server, 'close');
      server.close();
      await closed;
    });

    /** The first request that Node finds; undefined when it finds none. */
    async function readByNode(text: string): Promise<{ url: string; keepsAlive: boolean } | undefined> {
      const connection = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
      try {
        return await new Promise((resolve) => {
          server.removeAllListeners('request').removeAllListeners('clientError');
          server.once('request', (request, response) => {
            resolve({ url: request.url ?? '', keepsAlive: response.shouldKeepAlive });
          });
          server.once('clientError', () => resolve(undefined));
          server.emit('connection', connection);
          connection.push(text, 'latin1');
          connection.push(null);
        });
      } finally {
        connection.destroy();
      }
    }

    it('takes nothing that Node refuses or reads in another way, wherever bytes are changed', async () => {
      const change = fc.record({
        at: fc.nat(ANNOUNCE.length),
        removed: fc.nat(3),
        added: fc.oneof(
          fc.string({ unit: fc.constantFrom(...ODD_BYTES), maxLength: 3 }),
          fc.constantFrom('\r\nConnection: close', '\r\nHost: x', '\r\nContent-Length: 1', '\r\nX: y', ' HTTP/1.0'),
        ),
      });
      let taken = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(change, { maxLength: 3 }), async (changes) => {
          let text = ANNOUNCE;
          for (const { at, removed, added } of changes) text = text.slice(0, at) + added + text.slice(at + removed);
          const plain = read(text);
          if (!plain) return;
          taken += 1;
          const node = await readByNode(text.slice(0, plain.end));
          const url = text.slice(4, text.indexOf(' ', 4));
          expect(node).to.deep.equal({ url, keepsAlive: plain.keepsAlive });
          expect(url).to.be.oneOf([`${plain.path}?${plain.query}`, plain.path]);
        }),
        { numRuns: 2_000 },
      );
      expect(taken).to.be.greaterThan(100);
    });
  });
});
