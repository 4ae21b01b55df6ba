/** How large metainfo may be; the bounds within it stand beside the code that keeps them. */
import { MAX_BENCODE_BYTES } from './bencode.js';

/** Bytes of a .torrent, of metadata from peers, and of a catalogue entry: 300,000 pieces with BLAKE3 and SHA-1. */
export const MAX_METAINFO_BYTES = MAX_BENCODE_BYTES;
/** Longest piece that is read, in bytes; it is held on its way to disk until it is verified. */
export const MAX_PIECE_LENGTH = 134_217_728;
