/**
 * What a web seed's answer to a request for a range of a file (RFC 9110, 14) means. Nothing of the body is read before:
 * what is not exactly the file of the torrent is refused by its head.
 */

/** A request for a range of a file. */
export interface RangeAsked {
  /** Of the whole file, as the torrent says. */
  readonly fileLengthBytes: number;
  readonly offset: number;
  /** At least 1. */
  readonly lengthBytes: number;
}

/** Status and headers, names in lower case, as node:http gives them. */
export interface AnswerHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export type RangeVerdict =
  /** The body holds what was asked for. */
  | {
      readonly type: 'body';
      /** Bytes that stand before it: the server sends the whole file. */
      readonly skipBytes: number;
      /** The body ends with what was asked for: the connection can be used again. */
      readonly isExact: boolean;
    }
  | { readonly type: 'redirect'; readonly location: string }
  | {
      readonly type: 'failed';
      readonly message: string;
      /** Asking again later would not help. */
      readonly isLasting: boolean;
      readonly retryAfterMs?: number;
    };

/**
 * Largest file that a server which ignores ranges may send from its beginning for a part in the middle. Beyond that each
 * part would cost many times its size.
 */
export const MAX_UNRANGED_FILE_BYTES = 33_554_432;

/** @param nowEpochMs milliseconds since 1970, for a date in Retry-After */
export function judgeRangeAnswer(head: AnswerHead, asked: RangeAsked, nowEpochMs: number): RangeVerdict {
  const { status } = head;
  if (status === 206) return judgePart(head, asked);
  if (status === 200) return judgeWhole(head, asked);
  if (REDIRECTS.has(status)) {
    const location = headerOf(head, 'location');
    return location === undefined ? lasting(`answers ${status} without a location`) : { type: 'redirect', location };
  }
  if (status === 416) return lasting(`answers 416: it has not all ${asked.fileLengthBytes} bytes of the file`);
  if (status < 500 && !PASSING.has(status)) return lasting(`answers ${status}`);
  const retryAfterMs = parseRetryAfterMs(headerOf(head, 'retry-after'), nowEpochMs);
  const message = `answers ${status}`;
  return { type: 'failed', message, isLasting: false, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

function judgePart(head: AnswerHead, asked: RangeAsked): RangeVerdict {
  const { fileLengthBytes, offset, lengthBytes } = asked;
  const end = offset + lengthBytes - 1;
  const encoded = encodingOf(head);
  if (encoded) return encoded;
  const [, first, last, total = '*'] =
    /^bytes +(\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/i.exec(headerOf(head, 'content-range') ?? '') ?? [];
  if (Number(first) !== offset || Number(last) !== end) {
    return lasting(`answers a request for bytes ${offset}-${end} with another range`);
  }
  if (total !== '*' && Number(total) !== fileLengthBytes) return wrongSize(Number(total), fileLengthBytes);
  const bodyBytes = lengthOf(head);
  if (bodyBytes !== undefined && bodyBytes !== lengthBytes) {
    return lasting(`announces ${bodyBytes} bytes for a range of ${lengthBytes}`);
  }
  return { type: 'body', skipBytes: 0, isExact: bodyBytes !== undefined };
}

/** The server ignores ranges, or the range was the whole file. */
function judgeWhole(head: AnswerHead, asked: RangeAsked): RangeVerdict {
  const { fileLengthBytes, offset, lengthBytes } = asked;
  const encoded = encodingOf(head);
  if (encoded) return encoded;
  const bodyBytes = lengthOf(head);
  if (bodyBytes !== undefined && bodyBytes !== fileLengthBytes) return wrongSize(bodyBytes, fileLengthBytes);
  if (offset > 0 && fileLengthBytes > MAX_UNRANGED_FILE_BYTES) {
    return lasting(`ignores range requests, and ${fileLengthBytes} bytes are too many to be sent again for each part`);
  }
  const isExact = bodyBytes !== undefined && offset + lengthBytes === fileLengthBytes;
  return { type: 'body', skipBytes: offset, isExact };
}

function encodingOf(head: AnswerHead): RangeVerdict | undefined {
  const encoding = headerOf(head, 'content-encoding');
  if (encoding === undefined || encoding.toLowerCase() === 'identity') return undefined;
  return lasting('encodes the file, though it was asked not to');
}

function lengthOf(head: AnswerHead): number | undefined {
  const text = headerOf(head, 'content-length');
  return text === undefined || !/^\d{1,16}$/.test(text) ? undefined : Number(text);
}

function headerOf(head: AnswerHead, name: string): string | undefined {
  const value = head.headers[name];
  return typeof value === 'string' ? value.trim() : value?.[0];
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
function parseRetryAfterMs(text: string | undefined, nowEpochMs: number): number | undefined {
  if (text === undefined) return undefined;
  const waitMs = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowEpochMs;
  return Number.isFinite(waitMs) ? Math.max(0, waitMs) : undefined;
}

function wrongSize(sizeBytes: number, fileLengthBytes: number): RangeVerdict {
  return lasting(`has a file of ${sizeBytes} bytes, the torrent's has ${fileLengthBytes}`);
}

function lasting(message: string): RangeVerdict {
  return { type: 'failed', message, isLasting: true };
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Client errors that pass: Request Timeout, Too Early, Too Many Requests. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);
