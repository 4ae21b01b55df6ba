/** Small HTTP servers for tests, well-behaved or not. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface WebServer {
  /** `http://127.0.0.1:PORT`, without a slash. */
  readonly origin: string;
  /** `GET /path bytes=0-9` for each request, in order. */
  readonly requests: string[];
  /** Connections that were made. */
  readonly connectionCount: number;
  close(): Promise<void>;
}

export type WebHandler = (
  request: http.IncomingMessage,
  response: http.ServerResponse,
  range: { readonly from: number; readonly to: number },
) => void;

/** A server on a free port of this machine. */
export async function startWebServer(handler: WebHandler): Promise<WebServer> {
  const requests: string[] = [];
  let connectionCount = 0;
  const server = http.createServer((request, response) => {
    const { range = '' } = request.headers;
    requests.push(`${request.method ?? ''} ${request.url ?? ''} ${range}`);
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
    handler(request, response, { from: Number(from), to: Number(to) });
  });
  server.on('connection', () => (connectionCount += 1));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    requests,
    get connectionCount() {
      return connectionCount;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers as a good server does: with the range that was asked for. */
export function sendRange(response: http.ServerResponse, bytes: Uint8Array, range: { from: number; to: number }): void {
  const body = bytes.subarray(range.from, range.to + 1);
  response.writeHead(206, {
    'Content-Range': `bytes ${range.from}-${range.to}/${bytes.length}`,
    'Content-Length': body.length,
  });
  response.end(body);
}
