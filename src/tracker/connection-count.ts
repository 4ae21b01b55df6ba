/** How many connections each address has open. */
export class ConnectionCount {
  readonly #counts = new Map<string, number>();
  readonly #max: number;

  /** @param max of one address */
  constructor(max: number) {
    this.#max = max;
  }

  /** @returns false when the address has as many as it may; otherwise `close` must follow */
  open(host: string): boolean {
    const count = this.#counts.get(host) ?? 0;
    if (count >= this.#max) return false;
    this.#counts.set(host, count + 1);
    return true;
  }

  close(host: string): void {
    const left = (this.#counts.get(host) ?? 0) - 1;
    if (left > 0) this.#counts.set(host, left);
    else this.#counts.delete(host);
  }
}
