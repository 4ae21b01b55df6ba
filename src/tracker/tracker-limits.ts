/** What the tracker takes and gives at most, each with its reason. Tests send one more than each. */

/** How often peers are asked to announce. */
export const ANNOUNCE_INTERVAL_MS = 120_000;
/** How soon a peer that lacks a source may announce again. */
export const MIN_ANNOUNCE_INTERVAL_MS = 15_000;
/** A peer that missed two announces and is late for a third is gone. */
export const PEER_EXPIRY_MS = 2.2 * ANNOUNCE_INTERVAL_MS;
/** Peers in one reply (BEP 3: more than 30 is rarely of use). 200 IPv6 ones are 3,600 bytes, three packets. */
export const MAX_NUM_WANT = 200;
export const DEFAULT_NUM_WANT = 50;
/** Peers in all; each costs about 100 bytes, and 180 more for each torrent (measured: `npm run bench tracker`). */
export const MAX_PEERS = 4_000_000;
/** No service for strangers to be sent to listens for peers below this port. */
export const LEAST_PEER_PORT = 1024;

/** An announce is about 400 bytes, a scrape of 70 torrents about 5 KiB. */
export const MAX_URL_BYTES = 8_192;
/** Request line and headers together. */
export const MAX_HEADER_BYTES = MAX_URL_BYTES + 8_192;
/** A client that dribbles its header holds a connection no longer than this. */
export const HEADER_TIMEOUT_MS = 5_000;
/** For a whole request: 16 MiB at 1.1 Mbit/s. */
export const REQUEST_TIMEOUT_MS = 120_000;
/** Peers come every two minutes: an idle connection is not worth keeping longer. */
export const KEEP_ALIVE_MS = 10_000;
/** Connections at once, in all and from one address; loopback and trusted proxies count only in all. */
export const MAX_CONNECTIONS = 16_384;
export const MAX_CONNECTIONS_OF_ADDRESS = 512;

/** A connection id of the UDP tracker holds in its slot and in the next: two minutes at least, as BEP 15 asks. */
export const CONNECTION_ID_SLOT_MS = 120_000;
/**
 * Packets of one address over UDP that are read each second; loopback is exempt. A client with thousands of torrents
 * begins with hundreds, and an office has one address.
 */
export const MAX_PACKETS_PER_SECOND = 512;
/** One packet that no network cuts: IPv6's least, without its headers. 200 peers of IPv4, 67 of IPv6. */
export const MAX_UDP_REPLY_BYTES = 1_280 - 48;
/** Answers over UDP that the kernel did not take yet; more are not sent. */
export const MAX_UDP_WAITING = 1_024;

/** The same limit as for .torrent files and metadata from peers. */
export const MAX_TORRENT_BYTES = 16 * 1024 * 1024;
/** The catalogue's database; beyond that nothing more is taken in. */
export const MAX_CATALOGUE_BYTES = 8 * 1024 ** 3;
/** Uploads of one address: so many at once, then one every two seconds. Loopback is exempt. */
export const UPLOAD_BURST = 100;
export const UPLOAD_REFILL_MS = 2_000;
export const MAX_UPLOADS_AT_ONCE = 4;
/** Addresses whose uploads are remembered. */
export const MAX_UPLOADERS = 10_000;
/** Bytes of all uploads that are being received, in memory. */
export const MAX_UPLOADING_BYTES = 8 * MAX_TORRENT_BYTES;
/** Entries of one list. */
export const MAX_LIST = 1_000;
export const DEFAULT_LIST = 100;
