/** Waits until a tracker knows so many of a swarm: `node await-peers.js ANNOUNCE-URL INFO-HASH SEEDERS LEECHERS`. */
import { eventually } from '../helpers/eventually.js';
import { scrape } from '../helpers/scrape.js';

const [, , url = '', infoHash = '', seeders, leechers] = process.argv;

await eventually(`${seeders} seeders and ${leechers} leechers at ${url}`, async () => {
  const known = await scrape(url, infoHash);
  return known.seeders >= Number(seeders) && known.leechers >= Number(leechers);
});
