/** What is moved between clients, and the torrents of it. */
import { expect } from 'chai';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { handMadeTorrent, type HandMadeTorrent } from '../helpers/hand-made-torrent.js';
import { testBytes } from '../helpers/test-bytes.js';

export interface Content {
  readonly name: string;
  /** Path below `name` → bytes, in the order of the torrent; a single file has the path ''. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** One file; `seed` makes its bytes. */
export function oneFile(sizeBytes: number, seed: number): Content {
  return { name: `file-${seed}.bin`, files: new Map([['', testBytes(sizeBytes, seed)]]) };
}

/** A folder with what others stumble over: empty files, single bytes, spaces, other scripts, emoji, folders in folders. */
export function oddFolder(seed: number): Content {
  const sizes = {
    'a byte': 1,
    'empty.txt': 0,
    'été/another byte': 1,
    'été/spaces in  the name.txt': 40_001,
    'été/深い/📦 parcel 🎵.bin': 700_003,
    'été/深い/empty too': 0,
    'last.bin': 16_384,
  };
  const files = Object.entries(sizes).map(([path, size], at) => [path, testBytes(size, seed + at)] as const);
  return { name: `odd folder ${seed} ☂`, files: new Map(files) };
}

/** Writes it below `folder`. @returns the path of the file or folder */
export function writeContent(content: Content, folder: string): string {
  for (const [path, bytes] of content.files) {
    const file = join(folder, content.name, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
  return join(folder, content.name);
}

/** The same without its empty files. */
export function withoutEmptyFiles(content: Content): Content {
  return { name: content.name, files: new Map([...content.files].filter(([, bytes]) => bytes.length > 0)) };
}

/** Fails unless what lies below `folder` is this content, all of it and nothing else. */
export function expectContent(content: Content, folder: string): void {
  const root = join(folder, content.name);
  for (const [path, bytes] of content.files) {
    expect(readFileSync(join(root, path)).equals(bytes), `${content.name}/${path} has its bytes`).to.equal(true);
  }
  if (content.files.has('')) return;
  const found = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(found.map(({ name, parentPath }) => join(parentPath, name))).to.have.members(
    [...content.files.keys()].map((path) => join(root, path)),
  );
}

/** A plain v1 torrent of it (BEP 3), as others make them. */
export function plainTorrent(content: Content, pieceLength: number, announce: string): HandMadeTorrent {
  const data = Buffer.concat([...content.files.values()]);
  const common = { name: content.name, data, pieceLength, announce };
  if (content.files.has('')) return handMadeTorrent(common);
  const files = [...content.files].map(([path, bytes]) => ({ path: path.split('/'), length: bytes.length }));
  return handMadeTorrent({ ...common, files });
}
