/** A running hash over everything that happens: two runs of one seed must agree in every event and its time. */

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

export class EventLog {
  #hash = FNV_OFFSET;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** 8 hex digits. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  add(
    nowMs: number,
    peer: string,
    what: { readonly type: string; readonly linkId?: number; readonly pieceIndex?: number },
  ): void {
    this.#count += 1;
    this.#mix(Math.round(nowMs * 1000));
    this.#mix(what.linkId ?? -1);
    this.#mix(what.pieceIndex ?? -1);
    for (let at = 0; at < peer.length; at += 1) this.#mix(peer.charCodeAt(at));
    for (let at = 0; at < what.type.length; at += 1) this.#mix(what.type.charCodeAt(at));
  }

  #mix(value: number): void {
    this.#hash = Math.imul(this.#hash ^ (value | 0), FNV_PRIME);
  }
}
