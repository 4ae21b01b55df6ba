/** The body of a request, read within bounds. */
import type { IncomingMessage } from 'node:http';

export type Body =
  | { readonly type: 'body'; readonly bytes: Uint8Array }
  /** More than allowed. */
  | { readonly type: 'too-large' }
  /** The bodies that are being read now are too much for the memory they may take. */
  | { readonly type: 'no-room' }
  /** The connection was lost. */
  | { readonly type: 'lost' };

/** Reads bodies; those that are under way share one allowance of memory. */
export class BodyReader {
  readonly #maxBytes: number;
  readonly #maxBytesOfAll: number;
  #heldBytes = 0;

  /** @param maxBytesOfAll for all bodies together that are being read */
  constructor(maxBytes: number, maxBytesOfAll: number) {
    this.#maxBytes = maxBytes;
    this.#maxBytesOfAll = maxBytesOfAll;
  }

  /** The whole body; the rest of one that is refused is read and dropped, so that its sender hears why. */
  async read(request: IncomingMessage): Promise<Body> {
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced > this.#maxBytes) {
      await discardBody(request, this.#maxBytes);
      return { type: 'too-large' };
    }
    const chunks: Uint8Array[] = [];
    let length = 0;
    let refusal: Body | undefined;
    try {
      // A break would destroy the connection before the answer is sent.
      for await (const chunk of request as AsyncIterable<Uint8Array>) {
        if (refusal) continue;
        length += chunk.length;
        this.#heldBytes += chunk.length;
        chunks.push(chunk);
        if (length > this.#maxBytes) refusal = { type: 'too-large' };
        else if (this.#heldBytes > this.#maxBytesOfAll) refusal = { type: 'no-room' };
        if (refusal) {
          this.#heldBytes -= length;
          length = 0;
          chunks.length = 0;
        }
      }
      return refusal ?? { type: 'body', bytes: Buffer.concat(chunks, length) };
    } catch {
      return { type: 'lost' };
    } finally {
      this.#heldBytes -= length;
    }
  }
}

/** Reads and drops a body, up to a limit, so that its sender comes to read the answer. Never rejects. */
export async function discardBody(request: IncomingMessage, maxBytes: number): Promise<void> {
  let left = maxBytes;
  await new Promise<void>((resolve) => {
    request.on('data', (chunk: Uint8Array) => {
      left -= chunk.length;
      if (left < 0) resolve();
    });
    request.once('end', resolve).once('close', resolve);
  });
  request.pause();
}
