/** Web seeds (BEP 19): URLs of servers that hold the files of a torrent, out of metainfo and magnet links. */
import type { Metainfo } from './metainfo.js';

/** Web seeds taken from one torrent. A stranger's file must not make us knock at thousands of doors. */
export const MAX_WEB_SEEDS = 100;
/** Characters of one URL, as for trackers. */
export const MAX_WEB_SEED_URL_LENGTH = 8_192;

/** Whether this is a URL that we may fetch from: http or https, with a host, no control characters or white space. */
export function isWebSeedUrl(text: string): boolean {
  return (
    text.length <= MAX_WEB_SEED_URL_LENGTH &&
    /^https?:\/\/[^/?#]/i.test(text) &&
    !/[\s\p{C}]/u.test(text) &&
    URL.canParse(text)
  );
}

/** What can be used of a list, in its order: other schemes, repeats and all after the first `MAX_WEB_SEEDS` are left out. */
export function usableWebSeeds(urls: readonly string[]): string[] {
  return [...new Set(urls.filter(isWebSeedUrl))].slice(0, MAX_WEB_SEEDS);
}

/**
 * For each file of the torrent the part of its URL behind the base, percent-encoded: `name` for the file of a single-file
 * torrent, `name/path/to/file` in a folder. Names are those that the torrent writes, also where ours on disk differ.
 */
export function webSeedPaths(metainfo: Pick<Metainfo, 'name' | 'originalName' | 'files'>): string[] {
  const name = metainfo.originalName ?? metainfo.name;
  return metainfo.files.map(({ path, originalPath }) =>
    [name, ...(originalPath ?? path)].map(encodeURIComponent).join('/'),
  );
}

/**
 * The URL of a file (BEP 19): a base that ends with a slash has the path behind it; one that does not is the file itself,
 * or, in a folder torrent, a folder all the same. A query stays where it is.
 * @param base a URL that `isWebSeedUrl` took
 * @param path of `webSeedPaths`
 */
export function webSeedUrl(base: string, path: string): URL {
  const url = new URL(base);
  const isFolder = path.includes('/');
  if (url.pathname.endsWith('/')) url.pathname += path;
  else if (isFolder) url.pathname += `/${path}`;
  return url;
}

/** The URL as people may see it: a user and password in it stay out of logs and screens. */
export function shownWebSeed(base: string): string {
  const url = new URL(base);
  if (url.username === '' && url.password === '') return base;
  url.username = '';
  url.password = '';
  return url.href;
}
