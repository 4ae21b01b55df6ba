/** The messages of the peer wire protocol as values (BEP 3, BEP 6, BEP 10). */

/** A range of a piece that is asked for, refused or taken back. */
export interface BlockRange {
  readonly pieceIndex: number;
  readonly blockOffset: number;
  readonly lengthBytes: number;
}

/**
 * A part of a `piece` message. The decoder hands out payload as it arrives, as views into the chunk that was pushed, so
 * that it can be copied straight to where it belongs; the last part has fragmentOffset + fragment.length = lengthBytes.
 */
export interface PieceFragment extends BlockRange {
  readonly type: 'piece';
  /** Where in the block this fragment begins. */
  readonly fragmentOffset: number;
  /** A view, valid only until the call that delivered it returns. */
  readonly fragment: Uint8Array;
}

export type WireMessage =
  | { readonly type: 'keep-alive' }
  | { readonly type: 'choke' }
  | { readonly type: 'unchoke' }
  | { readonly type: 'interested' }
  | { readonly type: 'not-interested' }
  | { readonly type: 'have'; readonly pieceIndex: number }
  | { readonly type: 'bitfield'; readonly bits: Uint8Array }
  | ({ readonly type: 'request' } & BlockRange)
  | PieceFragment
  | ({ readonly type: 'cancel' } & BlockRange)
  | { readonly type: 'port'; readonly port: number }
  | { readonly type: 'suggest'; readonly pieceIndex: number }
  | { readonly type: 'have-all' }
  | { readonly type: 'have-none' }
  | ({ readonly type: 'reject' } & BlockRange)
  | { readonly type: 'allowed-fast'; readonly pieceIndex: number }
  | { readonly type: 'extended'; readonly extensionId: number; readonly payload: Uint8Array }
  /** `lengthBytes` counts what follows the id. */
  | { readonly type: 'unknown'; readonly id: number; readonly lengthBytes: number };

/** Message ids on the wire. */
export const MESSAGE_IDS = {
  choke: 0x00,
  unchoke: 0x01,
  interested: 0x02,
  'not-interested': 0x03,
  have: 0x04,
  bitfield: 0x05,
  request: 0x06,
  piece: 0x07,
  cancel: 0x08,
  port: 0x09,
  suggest: 0x0d,
  'have-all': 0x0e,
  'have-none': 0x0f,
  reject: 0x10,
  'allowed-fast': 0x11,
  extended: 0x14,
} as const;
