/** A tracker and a peer in one that answer as fast as anybody could, to see when a downloader asks for its first block. */
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { Bitfield } from '../../src/protocol/bitfield.js';
import { encodeHandshake, HANDSHAKE_LENGTH } from '../../src/protocol/handshake.js';
import { MessageDecoder } from '../../src/protocol/message-decoder.js';
import { encodeBitfield, encodeSignal } from '../../src/protocol/message-encoder.js';

export interface FirstRequestPeer {
  /** Announce URL of a tracker that knows this peer alone. */
  readonly url: string;
  /** `performance.now()` of the next first request of a connection. */
  nextRequest(): Promise<number>;
  close(): Promise<void>;
}

/** @param infoHash 20 bytes */
export async function startFirstRequestPeer(infoHash: Uint8Array, pieceCount: number): Promise<FirstRequestPeer> {
  let tell: (nowMs: number) => void = () => undefined;
  const sockets = new Set<Socket>();
  const peer = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    greet(socket, infoHash, pieceCount, () => {
      tell(performance.now());
    });
  });
  const peerPort = await listen(peer);
  const compact = Buffer.from([127, 0, 0, 1, peerPort >>> 8, peerPort & 0xff]);
  const reply = Buffer.concat([Buffer.from('d8:intervali1800e5:peers6:'), compact, Buffer.from('e')]);
  const tracker = createHttpServer((_, response) => response.end(reply));
  const trackerPort = await listen(tracker);
  return {
    url: `http://127.0.0.1:${trackerPort}/announce`,
    nextRequest: () =>
      new Promise((resolve) => {
        tell = resolve;
      }),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      tracker.closeAllConnections();
      await Promise.all([peer, tracker].map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

/** Has every piece, unchokes at once, and gives nothing. */
function greet(socket: Socket, infoHash: Uint8Array, pieceCount: number, onRequest: () => void): void {
  const decoder = new MessageDecoder({ pieceCount });
  let head = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    if (head.length >= HANDSHAKE_LENGTH) {
      read(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < HANDSHAKE_LENGTH) return;
    const shake = { supportsFast: false, supportsExtended: false };
    socket.write(encodeHandshake({ ...shake, infoHash, peerId: new Uint8Array(20).fill(0x2d) }));
    socket.write(encodeBitfield(Bitfield.full(pieceCount).bytes));
    socket.write(encodeSignal('unchoke'));
    read(head.subarray(HANDSHAKE_LENGTH));
  });
  const read = (bytes: Uint8Array): void => {
    decoder.push(bytes);
    for (let message = decoder.next(); message; message = decoder.next()) {
      if (message.type === 'request') onRequest();
    }
  };
}

function listen(server: Server | ReturnType<typeof createHttpServer>): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}
