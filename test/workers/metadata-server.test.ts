import { expect } from 'chai';
import { MessageDecoder } from '../../src/protocol/message-decoder.js';
import { decodeMetadataMessage } from '../../src/protocol/metadata-messages.js';
import { MetadataServer } from '../../src/workers/metadata-server.js';
import { SharedTokenBucket } from '../../src/workers/shared-token-bucket.js';
import { testBytes } from '../helpers/test-bytes.js';

const THEIR_ID = 42;
const METADATA = testBytes(40_000, 1);

describe('MetadataServer', () => {
  it('hands the next piece to the socket only when the last one has left', () => {
    const scene = aScene();

    for (const piece of [0, 1, 2]) scene.server.handleRequest({ type: 'request', piece }, THEIR_ID);
    expect(scene.said()).to.deep.equal(['data 0']);
    scene.drain();
    expect(scene.said()).to.deep.equal(['data 1']);
    scene.drain();
    expect(scene.said()).to.deep.equal(['data 2']);
    scene.drain();

    expect(scene.said()).to.deep.equal([]);
  });

  it('rejects what there is not', () => {
    const scene = aScene();

    scene.server.handleRequest({ type: 'request', piece: 3 }, THEIR_ID);

    expect(scene.said()).to.deep.equal(['reject 3']);
  });

  it('rejects everything when metadata is not for others', () => {
    const scene = aScene({ sizeBytes: 0, metadata: () => undefined });

    scene.server.handleRequest({ type: 'request', piece: 0 }, THEIR_ID);

    expect(scene.said()).to.deep.equal(['reject 0']);
  });

  it('waits until the main thread has sent the metadata', () => {
    const arrived: Uint8Array[] = [];
    const scene = aScene({ metadata: () => arrived[0] });

    scene.server.handleRequest({ type: 'request', piece: 0 }, THEIR_ID);
    expect(scene.said()).to.deep.equal([]);
    arrived.push(METADATA);
    scene.server.pump(THEIR_ID);

    expect(scene.said()).to.deep.equal(['data 0']);
  });

  it('keeps to the upload limit', () => {
    const scene = aScene();
    scene.bucket.refill(16_384, 0);
    scene.server.handleRequest({ type: 'request', piece: 0 }, THEIR_ID);
    expect(scene.said()).to.deep.equal([]);

    scene.bucket.refill(16_384, 1_000);
    scene.server.pump(THEIR_ID);

    expect(scene.said()).to.deep.equal(['data 0']);
  });
});

interface Scene {
  readonly server: MetadataServer;
  readonly bucket: SharedTokenBucket;
  /** What was written since the last look. */
  said(): string[];
  /** The kernel takes what was written. */
  drain(): void;
}

function aScene({
  sizeBytes = METADATA.length,
  metadata = (): Uint8Array | undefined => METADATA,
}: { sizeBytes?: number; metadata?: () => Uint8Array | undefined } = {}): Scene {
  const decoder = new MessageDecoder({ pieceCount: 1 });
  const lines: string[] = [];
  const waiting: (() => void)[] = [];
  const note = (bytes: Uint8Array): void => {
    decoder.push(bytes);
    for (let message = decoder.next(); message; message = decoder.next()) {
      if (message.type !== 'extended') throw new Error(message.type);
      expect(message.extensionId).to.equal(THEIR_ID);
      const { type, piece } = decodeMetadataMessage(message.payload) ?? {};
      lines.push(`${type} ${piece}`);
    }
  };
  const bucket = new SharedTokenBucket(SharedTokenBucket.allocate());
  const server = new MetadataServer({
    sizeBytes,
    metadata,
    bucket,
    send: note,
    sendLarge: (bytes, done) => {
      note(bytes);
      waiting.push(done);
    },
  });
  return {
    server,
    bucket,
    said: () => lines.splice(0),
    drain: () => waiting.shift()?.(),
  };
}
