/**
 * One range of one file, asked of a web server and read as it comes, redirects followed.
 *
 * Thread: the web seed's. Copies made: none here; chunks are views of what node:http read. Bounded: the head by
 * node:http (16 KiB), redirects by count, the body by what was asked for. Until `read` is called nothing of the body is
 * taken from the socket, so that answers which come early wait in the kernel.
 */
import type http from 'node:http';
import net from 'node:net';

import { isWebSeedUrl } from '../metainfo/web-seeds.js';
import type { WebClient } from './web-client.js';
import { judgeRangeAnswer, type RangeAsked } from './range-answer.js';
import { addressKind, guardedLookup, WebAddressError, webAddressProblem, type AddressKind } from './web-address.js';

const MOST_REDIRECTS = 3;

/** Why a request ended without its bytes. */
export interface WebFailure {
  readonly message: string;
  /** Asking again later would not help. */
  readonly isLasting: boolean;
  readonly retryAfterMs?: number;
}

export interface WebRequestOptions {
  readonly client: WebClient;
  readonly url: URL;
  readonly asked: RangeAsked;
  /** The server has begun to answer with the right thing. */
  readonly onHead: () => void;
  /**
   * Bytes of the range, in order.
   * @returns how many were taken; with fewer than all the rest is kept, and nothing read until `read` is called
   */
  readonly onBytes: (bytes: Uint8Array) => number;
  /** Bytes before the range, from a server that sends the whole file. */
  readonly onSkipped: (lengthBytes: number) => void;
  readonly onDone: () => void;
  readonly onFailed: (failure: WebFailure) => void;
}

export class WebRequest {
  readonly asked: RangeAsked;
  readonly #options: WebRequestOptions;
  #url: URL;
  #redirects = 0;
  /** A server on the open internet sent us where we are. */
  #wasPublic = false;
  #kind: AddressKind = 'public';
  #request: http.ClientRequest | undefined;
  #response: http.IncomingMessage | undefined;
  #isExact = false;
  #skipBytes = 0;
  #receivedBytes = 0;
  /** What came and was not taken. */
  #rest: Uint8Array | undefined;
  #isReading = false;
  #isOver = false;

  constructor(options: WebRequestOptions) {
    this.#options = options;
    this.asked = options.asked;
    this.#url = options.url;
    this.#send();
  }

  get remainingBytes(): number {
    return this.asked.lengthBytes - this.#receivedBytes;
  }

  /** Goes on reading the body, or begins to as soon as it is there. */
  read(): void {
    this.#isReading = true;
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest && !this.#take(rest)) return;
    if (!this.#isOver) this.#response?.resume();
  }

  /** Reads nothing more until `read`. */
  pause(): void {
    this.#isReading = false;
    this.#response?.pause();
  }

  /** Breaks it off; nothing is called any more. */
  abort(): void {
    this.#isOver = true;
    this.#rest = undefined;
    this.#request?.destroy();
  }

  #send(): void {
    const { client, asked } = this.#options;
    const host = this.#url.hostname.replace(/^\[(.*)\]$/, '$1');
    const problem = net.isIP(host) === 0 ? undefined : this.#judge(host);
    if (problem !== undefined) {
      // Whoever made this request shall have it in hand before it hears of its end.
      queueMicrotask(() => {
        this.#fail(problem, true);
      });
      return;
    }
    const range = `bytes=${asked.offset}-${asked.offset + asked.lengthBytes - 1}`;
    const lookup = guardedLookup((ip) => this.#judge(ip));
    const request = client.get(this.#url, range, lookup);
    this.#request = request;
    request.on('response', (response) => {
      if (request === this.#request) this.#handleResponse(response);
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (request === this.#request) this.#handleError(request, error);
    });
    request.on('socket', (socket) => {
      // A connection that is used again was judged for another URL.
      const ip = socket.remoteAddress;
      const reused = request.reusedSocket && ip !== undefined ? this.#judge(ip) : undefined;
      if (reused !== undefined) request.destroy(new WebAddressError(reused));
    });
    request.end();
  }

  #judge(ip: string): string | undefined {
    this.#kind = addressKind(ip);
    return webAddressProblem(this.#url, this.#kind, this.#wasPublic);
  }

  #handleResponse(response: http.IncomingMessage): void {
    if (this.#isOver) return;
    const head = { status: response.statusCode ?? 0, headers: response.headers };
    const verdict = judgeRangeAnswer(head, this.asked, Date.now());
    if (verdict.type === 'redirect') {
      this.#follow(response, verdict.location);
      return;
    }
    if (verdict.type === 'failed') {
      this.#end();
      this.#options.onFailed(verdict);
      return;
    }
    this.#response = response;
    this.#skipBytes = verdict.skipBytes;
    this.#isExact = verdict.isExact;
    response.on('data', (chunk: Uint8Array) => this.#take(chunk));
    response.on('end', () => {
      this.#fail(`ended after ${this.#receivedBytes} of ${this.asked.lengthBytes} bytes`, false);
    });
    response.on('error', (error) => {
      this.#fail(`broke off (${codeOf(error)})`, false);
    });
    if (!this.#isReading) response.pause();
    this.#options.onHead();
  }

  /** The body of a redirect is not worth reading: its connection goes. */
  #follow(response: http.IncomingMessage, location: string): void {
    response.destroy();
    this.#request = undefined;
    this.#redirects += 1;
    const url = URL.canParse(location, this.#url.href) ? new URL(location, this.#url.href) : undefined;
    if (!url || !isWebSeedUrl(url.href)) this.#fail('redirects to what is no http or https URL', true);
    else if (this.#redirects > MOST_REDIRECTS) this.#fail(`redirects more than ${MOST_REDIRECTS} times`, true);
    else {
      this.#wasPublic ||= this.#kind === 'public';
      this.#url = url;
      this.#send();
    }
  }

  /** A server may close a kept connection in the very moment in which it is used again: that is nobody's fault. */
  #handleError(request: http.ClientRequest, error: NodeJS.ErrnoException): void {
    if (this.#isOver) return;
    if (request.reusedSocket && !this.#response && STALE.has(codeOf(error))) {
      this.#send();
      return;
    }
    if (error instanceof WebAddressError) this.#fail(error.message, true);
    else if (codeOf(error).startsWith('HPE_')) this.#fail(`does not speak HTTP (${codeOf(error)})`, true);
    else if (this.#response) this.#fail(`broke off (${codeOf(error)})`, false);
    else this.#fail(`cannot be reached (${codeOf(error)})`, false);
  }

  /** @returns whether to go on reading */
  #take(chunk: Uint8Array): boolean {
    if (this.#isOver) return false;
    let bytes = chunk;
    if (this.#skipBytes > 0) {
      const skipped = Math.min(this.#skipBytes, bytes.length);
      this.#skipBytes -= skipped;
      this.#options.onSkipped(skipped);
      bytes = bytes.subarray(skipped);
      if (bytes.length === 0) return true;
    }
    const wanted = bytes.length > this.remainingBytes ? bytes.subarray(0, this.remainingBytes) : bytes;
    const taken = this.#options.onBytes(wanted);
    if (this.#hasEnded()) return false;
    this.#receivedBytes += taken;
    if (taken < wanted.length) {
      this.#rest = wanted.subarray(taken);
      this.pause();
      return false;
    }
    if (this.remainingBytes === 0) this.#finish();
    return this.#isReading && !this.#isOver;
  }

  /** A call, since whoever took the bytes may have broken it off. */
  #hasEnded(): boolean {
    return this.#isOver;
  }

  #finish(): void {
    this.#isOver = true;
    // What ends here goes back to the agent with its connection; what would go on is cut.
    if (this.#isExact) this.#response?.resume();
    else this.#request?.destroy();
    this.#options.onDone();
  }

  #fail(message: string, isLasting: boolean): void {
    if (this.#isOver) return;
    this.#end();
    this.#options.onFailed({ message, isLasting });
  }

  #end(): void {
    this.#isOver = true;
    this.#rest = undefined;
    this.#request?.destroy();
  }
}

/** The code of a failure; a connection tried on several addresses fails with several. */
function codeOf(error: NodeJS.ErrnoException): string {
  return error.code ?? error.message;
}

/** What a kept connection answers with that the server has closed. */
const STALE: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);
