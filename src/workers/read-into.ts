/**
 * Reads what comes over an accepted connection into one buffer that is used again and again, as `onread` of `net.connect`
 * does for dialled ones. `net.createServer` knows no such option, and allocates 64 KiB for each read: with many peers on
 * slow links the page faults and the garbage of that cost more than all that is done with the bytes.
 *
 * The parts of a socket that this takes have no public name. Where one of them is not found, reading goes the plain way.
 * Thread: the link's. Copies made: none. Measured by: benchmarks/engine/swarm.bench.ts
 */
import type net from 'node:net';

/** What Node's own object below a socket offers to `onread`. */
interface NativeStream {
  useUserBuffer(buffer: Uint8Array): void;
}

/**
 * @param buffer is filled anew before each call; no other reads may go on in it at the same time (as on Windows)
 * @param handleBytes gets what came, valid until it returns, and says whether to go on; if not, `socket.resume()` does
 */
export function readInto(socket: net.Socket, buffer: Uint8Array, handleBytes: (chunk: Uint8Array) => boolean): void {
  const stream = nativeStreamOf(socket);
  const bufferKey = symbolOf(socket, 'kBuffer');
  const callbackKey = symbolOf(socket, 'kBufferCb');
  if (!stream || !bufferKey || !callbackKey) {
    socket.on('data', (chunk: Uint8Array) => {
      if (!handleBytes(chunk)) socket.pause();
    });
    return;
  }
  stream.useUserBuffer(buffer);
  const callback = (lengthBytes: number): boolean => handleBytes(buffer.subarray(0, lengthBytes));
  Object.assign(socket, { [bufferKey]: buffer, [callbackKey]: callback });
}

function nativeStreamOf(socket: net.Socket): NativeStream | undefined {
  const stream = '_handle' in socket ? socket._handle : undefined;
  return isNativeStream(stream) ? stream : undefined;
}

function isNativeStream(value: unknown): value is NativeStream {
  return (
    typeof value === 'object' && value !== null && 'useUserBuffer' in value && typeof value.useUserBuffer === 'function'
  );
}

function symbolOf(socket: net.Socket, description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(socket).find((symbol) => symbol.description === description);
}
