/** Test peers that speak `ut_metadata` (BEP 9), honestly or not. */
import { bdecode, bencode, member } from './naive-bencode.js';
import { ID, TestPeer, type TestLink, type TestPeerOptions } from './test-peer.js';

const PIECE_BYTES = 16_384;
/** The id under which it takes the messages. */
const OUR_ID = 9;

export interface MetadataPeerOptions extends TestPeerOptions {
  /** The info dictionary that it serves; undefined for a peer without. */
  readonly info: Uint8Array | undefined;
  /** What it announces; the true length when left out. */
  readonly announcedBytes?: number;
  /** What it says to a request, instead of the piece. */
  readonly answer?: (piece: number, send: SendMetadata, link: TestLink) => void;
}

/** Sends a ut_metadata message: its dictionary, and what follows it. */
export type SendMetadata = (head: Record<string, number>, bytes?: Uint8Array) => void;

export class MetadataPeer extends TestPeer {
  /** Pieces of metadata that it was asked for. */
  readonly asked: number[];

  constructor(options: MetadataPeerOptions) {
    const asked: number[] = [];
    const theirIds = new WeakMap<TestLink, number>();
    super({
      reserved: Buffer.from([0, 0, 0, 0, 0, 0x10, 0, 0]),
      ...options,
      onHandshake: (link) => {
        const size = options.announcedBytes ?? options.info?.length;
        const told = { m: { ut_metadata: OUR_ID }, ...(size === undefined ? {} : { metadata_size: size }) };
        link.send(ID.extended, Buffer.concat([Buffer.from([0]), bencode(told)]));
        options.onHandshake?.(link);
      },
      onMessage: (link, id, body) => {
        if (id !== ID.extended) return;
        if (body[0] === 0) theirIds.set(link, Number(member(bdecode(body.subarray(1)), 'm', 'ut_metadata')));
        if (body[0] !== OUR_ID) return;
        const told = bdecode(body.subarray(1));
        if (Number(member(told, 'msg_type')) !== 0) return;
        const piece = Number(member(told, 'piece'));
        asked.push(piece);
        const send: SendMetadata = (head, bytes = new Uint8Array(0)) => {
          link.send(ID.extended, Buffer.concat([Buffer.from([theirIds.get(link) ?? 0]), bencode(head), bytes]));
        };
        if (options.answer) options.answer(piece, send, link);
        else if (options.info) sendPiece(options.info, piece, send);
        else send({ msg_type: 2, piece });
      },
    });
    this.asked = asked;
  }
}

/** The true answer to a request. */
export function sendPiece(info: Uint8Array, piece: number, send: SendMetadata): void {
  const bytes = info.subarray(piece * PIECE_BYTES, (piece + 1) * PIECE_BYTES);
  send({ msg_type: 1, piece, total_size: info.length }, bytes);
}
