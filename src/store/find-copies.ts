/** Which stored copies a user means. */
import { isAbsolute, resolve } from 'node:path';

import type { CopyRecord } from './copy-store.js';

const LEAST_PREFIX = 6;

/**
 * The copies that a word names: by the path of their data, by info hash or at least six digits of its start, or by name.
 * The first of these that fits any decides.
 * @param target as typed; `name:` before it leaves only names
 * @param cwd folder that relative paths start from
 */
export function findNamedCopies<Copy extends Pick<CopyRecord, 'infoHash' | 'name' | 'rootPath'>>(
  copies: readonly Copy[],
  target: string,
  cwd: string,
): readonly Copy[] {
  if (target.startsWith('name:')) return copies.filter(({ name }) => name === target.slice('name:'.length));
  const path = isAbsolute(target) ? resolve(target) : resolve(cwd, target);
  const byPath = copies.filter(({ rootPath }) => rootPath === path || `${rootPath}.part` === path);
  if (byPath.length > 0) return byPath;
  const hash = target.toLowerCase();
  const isHash = hash.length >= LEAST_PREFIX && /^[0-9a-f]+$/.test(hash);
  // The BLAKE3 info hash of a pure torrent begins with its wire info hash.
  const byHash = isHash
    ? copies.filter((copy) => copy.infoHash.startsWith(hash) || hash.startsWith(copy.infoHash))
    : [];
  return byHash.length > 0 ? byHash : copies.filter(({ name }) => name === target);
}
