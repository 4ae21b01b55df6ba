import { expect } from 'chai';
import { ProtocolError } from '../../src/errors.js';
import { MAX_METADATA_BYTES } from '../../src/protocol/limits.js';
import { MetadataDownload } from '../../src/swarm/metadata-download.js';
import { testBytes } from '../helpers/test-bytes.js';

const PIECE = 16_384;

describe('MetadataDownload', () => {
  for (const sizeBytes of [1, PIECE, PIECE + 1, 20 * PIECE - 5]) {
    it(`puts metadata of ${sizeBytes} bytes together, whatever the order`, () => {
      const metadata = testBytes(sizeBytes, 3);
      const download = new MetadataDownload(sizeBytes, 0);

      let asked = download.takeRequests();
      while (asked.length > 0) {
        expect(download.whole).to.equal(undefined);
        for (const piece of asked.toReversed()) download.handleData(data(metadata, piece), 0);
        asked = download.takeRequests();
      }

      expect(Buffer.from(download.whole ?? []).equals(metadata)).to.equal(true);
      expect(download.receivedBytes).to.equal(sizeBytes);
    });
  }

  it('asks for eight pieces at once, and for one more with each that comes', () => {
    const metadata = testBytes(20 * PIECE, 3);
    const download = new MetadataDownload(metadata.length, 0);

    expect(download.takeRequests()).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(download.takeRequests()).to.deep.equal([]);
    download.handleData(data(metadata, 3), 0);

    expect(download.takeRequests()).to.deep.equal([8]);
  });

  it('drops what it did not ask for and what came already, and does not bear it for ever', () => {
    const metadata = testBytes(20 * PIECE, 3);
    const download = new MetadataDownload(metadata.length, 0);
    download.takeRequests();
    download.handleData(data(metadata, 0), 0);

    for (let count = 0; count < 32; count += 1) {
      expect(download.handleData(data(metadata, 0), 0)).to.equal(false);
      expect(download.handleData(data(metadata, 19), 0)).to.equal(false);
    }

    expect(download.receivedBytes).to.equal(PIECE);
    expect(() => download.handleData(data(metadata, 0), 0)).to.throw(ProtocolError, 'nobody asked for');
  });

  for (const [what, message] of [
    ['a byte too few', { piece: 0, totalBytes: 40_000, bytes: new Uint8Array(PIECE - 1) }],
    ['a last piece that is too long', { piece: 2, totalBytes: 40_000, bytes: new Uint8Array(PIECE) }],
    ['nothing', { piece: 1, totalBytes: undefined, bytes: new Uint8Array(0) }],
    ['another total size', { piece: 0, totalBytes: 40_001, bytes: new Uint8Array(PIECE) }],
  ] as const) {
    it(`calls it a breach of the protocol to send ${what}`, () => {
      const download = new MetadataDownload(40_000, 0);
      download.takeRequests();

      expect(() => download.handleData({ type: 'data', ...message }, 0)).to.throw(ProtocolError);
    });
  }

  it('takes pieces that do not tell the total size', () => {
    const download = new MetadataDownload(5, 0);
    download.takeRequests();

    expect(download.handleData({ ...data(testBytes(5, 1), 0), totalBytes: undefined }, 0)).to.equal(true);
  });

  it('is silent when an answer is owed for ten seconds, and after the last answer again', () => {
    const metadata = testBytes(20 * PIECE, 3);
    const download = new MetadataDownload(metadata.length, 1_000);
    expect(download.isSilent(99_000)).to.equal(false);
    download.takeRequests();

    expect(download.isSilent(10_999)).to.equal(false);
    expect(download.isSilent(11_000)).to.equal(true);
    download.handleData(data(metadata, 0), 11_000);

    expect(download.isSilent(20_999)).to.equal(false);
    expect(download.isSilent(21_000)).to.equal(true);
  });

  it('is refused by a reject of what was asked for alone', () => {
    const download = new MetadataDownload(20 * PIECE, 0);
    download.takeRequests();

    expect(download.handleReject(7)).to.equal(true);
    expect(download.handleReject(8)).to.equal(false);
  });

  it('takes no memory for what is only claimed', () => {
    const before = process.memoryUsage().arrayBuffers;
    const downloads = Array.from({ length: 64 }, () => new MetadataDownload(MAX_METADATA_BYTES, 0));
    for (const download of downloads) download.takeRequests();

    expect(process.memoryUsage().arrayBuffers - before).to.be.below(MAX_METADATA_BYTES);
  });
});

function data(metadata: Uint8Array, piece: number) {
  const bytes = metadata.subarray(piece * PIECE, (piece + 1) * PIECE);
  return { type: 'data', piece, totalBytes: metadata.length, bytes } as const;
}
