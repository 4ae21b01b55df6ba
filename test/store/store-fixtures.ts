/** Builders for the tests of the store. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { InfoHash } from '../../src/metainfo/metainfo.js';
import type { OpenCopyRequest } from '../../src/store/copy-store.js';

/** An info hash of 40 equal digits. */
export function anInfoHash(digit = 'a'): InfoHash {
  return digit.repeat(40) as InfoHash;
}

/** A copy of ten pieces. */
export function aCopyRequest(changes: Partial<OpenCopyRequest> = {}): OpenCopyRequest {
  return {
    infoHash: anInfoHash(),
    rootPath: '/output/story.txt',
    role: 'download',
    metainfoBytes: Uint8Array.of(0x64, 0x65),
    name: 'story.txt',
    totalBytes: 1280,
    pieceCount: 10,
    pieceLengthBytes: 128,
    trackerTiers: [['http://localhost:9999/announce']],
    ...changes,
  };
}

/** A new folder; `remove` in an after hook. */
export function aTempDir(): { readonly path: string; remove(): void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'p2p-store-')));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
