/**
 * Every bound of the peer wire, once, with its reason. What a stranger sends is measured against these before anything is
 * allocated; docs/wire.md lists them, and a test sends one more than each.
 */
import { MAX_METAINFO_BYTES } from '../metainfo/metainfo-limits.js';
import { BLOCK_LENGTH } from '../metainfo/piece-layout.js';

/** Most bytes we ask for in one request. BEP 3: "All current implementations use 2^14"; more is refused by many. */
export const MAX_ASKED_BLOCK_BYTES = BLOCK_LENGTH;

/**
 * Most bytes that one request of a peer may ask for, and one block may carry. Old clients ask for up to 128 KiB; beyond
 * that a request is an attack on our memory (BEP 3: connections that ask for more are closed).
 */
export const MAX_SERVED_BLOCK_BYTES = 131_072;

/** Message id, piece index and block offset before the payload of a `piece` message. */
export const PIECE_PREFIX_BYTES = 9;

/** Longest `piece` message, without its length prefix: the largest block and what stands before it. */
export const MAX_PIECE_MESSAGE_BYTES = MAX_SERVED_BLOCK_BYTES + PIECE_PREFIX_BYTES;

/**
 * Longest bitfield that is taken while the number of pieces is unknown (a magnet link before its metadata came). Metainfo
 * is at most 16 MiB and names a piece by no less than 16 bytes: that is 2^20 pieces.
 */
export const MAX_BITFIELD_BYTES = 131_072;

/** Longest payload of an extended message (BEP 10) once `ut_metadata` and PEX are spoken: pieces of 16 KiB and room. */
export const MAX_EXTENDED_BYTES = 1_048_576;

/** Longest extension handshake, and the bound of all extended messages while we speak no extension but the handshake. */
export const MAX_EXTENSION_HANDSHAKE_BYTES = 65_536;

/** Most message names taken from the `m` dictionary of an extension handshake; clients send about ten. */
export const MAX_EXTENSION_MESSAGES = 64;

/** Longest client name kept from an extension handshake, in characters: it is shown in tables. */
export const MAX_CLIENT_NAME_LENGTH = 64;

/** Most further ports of a peer taken from its extension handshake; `--port-count` allows 64. */
export const MAX_EXTRA_PORTS = 64;

/** Most peers read from one list of a peer exchange message (BEP 11 allows 50; libtorrent tells 100 the first time). */
export const MAX_EXCHANGED_PEERS = 100;

/** Most peers that we tell as added, and as dropped, in one peer exchange message (BEP 11). */
export const MAX_TOLD_PEERS = 50;

/** Peer exchange messages of one peer that follow sooner are passed over: BEP 11 allows one a minute, clocks differ. */
export const LEAST_EXCHANGE_INTERVAL_MS = 45_000;

/** Longest announce of local discovery that is read (BEP 14: at most 1,400 bytes; some clients add headers). */
export const MAX_LOCAL_ANNOUNCE_BYTES = 2_048;

/** Most info hashes read from one announce of local discovery: as many as fit. */
export const MAX_LOCAL_INFO_HASHES = 32;

/** Most info hashes in one announce of ours: with these it stays under 1,400 bytes. */
export const MAX_LOCAL_INFO_HASHES_TOLD = 20;

/** Longest datagram that our DHT node sends: a small question must not bring a large answer to a forged address. */
export const MAX_DHT_DATAGRAM_BYTES = 1_024;

/** Longest metadata that a peer may announce (BEP 9): the bound of every other way to a .torrent too. */
export const MAX_METADATA_BYTES = MAX_METAINFO_BYTES;

/** Length of a piece of metadata, but the last (BEP 9). */
export const METADATA_PIECE_BYTES = 16_384;

/** Requests for metadata of one peer that wait to be answered, as many as the longest metadata has pieces. */
export const MAX_QUEUED_METADATA_REQUESTS = MAX_METADATA_BYTES / METADATA_PIECE_BYTES;

/** Longest message with an id we do not know. It is skipped and not stored, but should not keep a connection for ever. */
export const MAX_UNKNOWN_MESSAGE_BYTES = 1_048_576;

/** Longest message of any kind, without its length prefix: known from four bytes, refused before the fifth. */
export const MAX_MESSAGE_BYTES = Math.max(MAX_EXTENDED_BYTES + 2, MAX_UNKNOWN_MESSAGE_BYTES, MAX_PIECE_MESSAGE_BYTES);

/** Requests of one peer that we queue, and what we tell it as `reqq`; further ones get a reject (BEP 6). */
export const MAX_QUEUED_REQUESTS = 2_048;

/** Requests of one peer, queued and just rejected together, at which it is disconnected: it ignores what it was told. */
export const REQUEST_FLOOD = 2 * MAX_QUEUED_REQUESTS;

/** Requests that a peer takes at once when its extension handshake does not say (`reqq`): libtorrent's old default. */
export const DEFAULT_PEER_QUEUE = 250;

/** Most that we believe of a peer's `reqq`. */
export const MAX_PEER_QUEUE = 65_535;

/** Pieces that we remember of a peer's allowed-fast messages, and of its suggestions (BEP 6); others send 5 or 10. */
export const MAX_FAST_HINTS = 64;

/** A handshake must be whole in this time: half-open connections cost slots (slow loris). */
export const HANDSHAKE_TIMEOUT_MS = 10_000;

/** A connection on which nothing arrived for so long is closed (BEP 3: two minutes). */
export const IDLE_TIMEOUT_MS = 120_000;

/** We send a keep-alive after so long without sending anything: well before the two minutes of the other side. */
export const KEEP_ALIVE_MS = 100_000;
