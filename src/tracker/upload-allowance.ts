/** How many torrents one address may publish: a burst, then a steady rate, and only some at once. Pure. */
import { formatIp, isIpv4 } from '../protocol/ip-address.js';

export interface UploadAllowanceOptions {
  /** Uploads that an address may send without waiting. */
  readonly burst: number;
  /** One more is allowed each time this passes. */
  readonly refillMs: number;
  readonly maxAtOnce: number;
  /** Addresses to remember at most; the one that was quiet longest is forgotten. */
  readonly maxAddresses: number;
}

interface Account {
  tokens: number;
  atMs: number;
  uploading: number;
}

export class UploadAllowance {
  readonly #options: UploadAllowanceOptions;
  /** In the order of the last upload. */
  readonly #accounts = new Map<string, Account>();

  constructor(options: UploadAllowanceOptions) {
    this.#options = options;
  }

  /**
   * An upload begins; `end` must follow when it was allowed.
   * @param ip 16 bytes
   * @param nowMs monotonic
   */
  begin(ip: Uint8Array, nowMs: number): boolean {
    const { burst, refillMs, maxAtOnce } = this.#options;
    const key = keyOf(ip);
    const known = this.#accounts.get(key);
    const account = known ?? { tokens: burst, atMs: nowMs, uploading: 0 };
    account.tokens = Math.min(burst, account.tokens + (nowMs - account.atMs) / refillMs);
    account.atMs = nowMs;
    this.#accounts.delete(key);
    this.#accounts.set(key, account);
    if (!known) this.#forgetOldest();
    if (account.tokens < 1 || account.uploading >= maxAtOnce) return false;
    account.tokens -= 1;
    account.uploading += 1;
    return true;
  }

  end(ip: Uint8Array): void {
    const account = this.#accounts.get(keyOf(ip));
    if (account && account.uploading > 0) account.uploading -= 1;
  }

  #forgetOldest(): void {
    if (this.#accounts.size <= this.#options.maxAddresses) return;
    const [oldest] = this.#accounts.keys();
    if (oldest !== undefined) this.#accounts.delete(oldest);
  }
}

/** One IPv6 customer has a /64 at least, and so any number of addresses. */
function keyOf(ip: Uint8Array): string {
  return isIpv4(ip) ? formatIp(ip) : Buffer.from(ip.subarray(0, 8)).toString('hex');
}
