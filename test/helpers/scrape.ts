/** What a tracker says of one torrent (BEP 48). */
import { bdecode, member } from './naive-bencode.js';

export interface ScrapeCounts {
  readonly seeders: number;
  readonly leechers: number;
}

/** Scrapes one torrent; a tracker that does not know it has nobody. */
export async function scrape(announceUrl: string, infoHash: string): Promise<ScrapeCounts> {
  const hash = infoHash.replaceAll(/../g, '%$&');
  const reply = await fetch(`${announceUrl.replace(/announce$/, 'scrape')}?info_hash=${hash}`);
  const files = member(bdecode(Buffer.from(await reply.arrayBuffer())), 'files');
  const entry = files instanceof Map ? [...files.values()][0] : undefined;
  if (entry === undefined) return { seeders: 0, leechers: 0 };
  return { seeders: Number(member(entry, 'complete')), leechers: Number(member(entry, 'incomplete')) };
}
