import { expect } from 'chai';
import {
  judgeRangeAnswer,
  MAX_UNRANGED_FILE_BYTES,
  type AnswerHead,
  type RangeAsked,
} from '../../src/workers/range-answer.js';

const NOW_MS = Date.UTC(2026, 0, 1, 12);
const asked: RangeAsked = { fileLengthBytes: 1_000, offset: 100, lengthBytes: 50 };
const judge = (status: number, headers: AnswerHead['headers'] = {}, range = asked) =>
  judgeRangeAnswer({ status, headers }, range, NOW_MS);
const part = (contentRange: string, headers: AnswerHead['headers'] = {}) =>
  judge(206, { 'content-range': contentRange, ...headers });

describe('judgeRangeAnswer', () => {
  it('takes exactly the range that was asked for', () => {
    expect(part('bytes 100-149/1000', { 'content-length': '50' })).to.deep.equal({
      type: 'body',
      skipBytes: 0,
      isExact: true,
    });
    expect(part('bytes 100-149/*')).to.deep.equal({ type: 'body', skipBytes: 0, isExact: false });
  });

  it('refuses any other range for good', () => {
    for (const range of [
      'bytes 0-49/1000',
      'bytes 100-148/1000',
      'bytes 100-150/1000',
      'bytes */1000',
      'items 100-149/1000',
      '',
    ]) {
      expect(part(range), range).to.deep.include({ type: 'failed', isLasting: true });
    }
    expect(judge(206)).to.deep.include({ type: 'failed', isLasting: true });
    expect(part('bytes 100-149/1000', { 'content-length': '51' })).to.include({ type: 'failed' });
  });

  it('refuses a file of another size, and names both', () => {
    expect(part('bytes 100-149/1001')).to.deep.include({
      isLasting: true,
      message: "has a file of 1001 bytes, the torrent's has 1000",
    });
    expect(judge(200, { 'content-length': '999' })).to.include({ type: 'failed', isLasting: true });
  });

  it('refuses a file that is encoded', () => {
    expect(part('bytes 100-149/1000', { 'content-encoding': 'gzip' })).to.include({ type: 'failed', isLasting: true });
    expect(part('bytes 100-149/1000', { 'content-encoding': 'Identity' })).to.include({ type: 'body' });
  });

  it('skips to the range where the server sends the whole of a small file', () => {
    expect(judge(200, { 'content-length': '1000' })).to.deep.equal({ type: 'body', skipBytes: 100, isExact: false });
    expect(judge(200, { 'content-length': '1000' }, { ...asked, lengthBytes: 900 })).to.deep.include({ isExact: true });
    expect(judge(200)).to.include({ type: 'body', skipBytes: 100 });
  });

  it('gives up a server that sends the whole of a large file, unless from its beginning', () => {
    const large = { fileLengthBytes: MAX_UNRANGED_FILE_BYTES + 1, offset: 1, lengthBytes: 50 };

    expect(judge(200, {}, large)).to.include({ type: 'failed', isLasting: true });
    expect(judge(200, {}, { ...large, offset: 0 })).to.include({ type: 'body', skipBytes: 0 });
    expect(judge(200, {}, { ...large, fileLengthBytes: MAX_UNRANGED_FILE_BYTES })).to.include({ type: 'body' });
  });

  it('follows what redirects with a location', () => {
    for (const status of [301, 302, 303, 307, 308]) {
      expect(judge(status, { location: '/x' })).to.deep.equal({ type: 'redirect', location: '/x' });
    }
    expect(judge(302)).to.include({ type: 'failed', isLasting: true });
    expect(judge(304, { location: '/x' })).to.include({ type: 'failed', isLasting: true });
  });

  it('tells what will pass from what will not', () => {
    for (const status of [400, 401, 403, 404, 410, 416, 204, 100]) {
      expect(judge(status), String(status)).to.include({ type: 'failed', isLasting: true });
    }
    for (const status of [408, 425, 429, 500, 502, 503, 599]) {
      expect(judge(status), String(status)).to.deep.equal({
        type: 'failed',
        isLasting: false,
        message: `answers ${status}`,
      });
    }
  });

  it('reads Retry-After as seconds or as a date', () => {
    const after = (text: string) => judge(503, { 'retry-after': text });

    expect(after('7')).to.include({ retryAfterMs: 7_000 });
    expect(after('Thu, 01 Jan 2026 12:00:09 GMT')).to.include({ retryAfterMs: 9_000 });
    expect(after('Thu, 01 Jan 2026 11:00:00 GMT')).to.include({ retryAfterMs: 0 });
    expect(after('soon')).not.to.have.property('retryAfterMs');
    expect(after('-1')).not.to.have.property('retryAfterMs', -1_000);
  });
});
