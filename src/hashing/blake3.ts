/**
 * BLAKE3 with digests of 32 bytes: one algorithm, two implementations that pass the same compliance suite. The native
 * module (optional dependency) is used where it loads; the WebAssembly one is always there, and `P2P_BLAKE3=wasm`
 * forces it. Nothing is loaded before the first digest, so that commands which hash nothing pay nothing.
 *
 * Data path: runs in the thread that received the bytes. Native: no copy. WASM: one copy into its memory, in steps.
 */
import { createRequire } from 'node:module';

import type { HashAlgorithm, Hasher } from './hash-algorithm.js';

const DIGEST_LENGTH = 32;
/**
 * Most bytes handed to WASM at once. Its memory never shrinks again, so a piece of 64 MiB in one go would stay as
 * 64 MiB; steps above 16 KiB are not faster (1,000 MB/s at 16, 64 and 256 KiB and for 1 MiB whole).
 */
const WASM_STEP_BYTES = 65_536;

// Named `load` and given literals: the bundler leaves these calls alone, and both packages stay outside the bundle.
const load = createRequire(import.meta.url);

/** Where the module's own loader takes long, the package that it finds in most cases. */
const USUAL_BINDINGS: Readonly<Record<string, string>> = {
  'linux-x64': '@napi-rs/blake-hash-linux-x64-gnu',
  'linux-arm64': '@napi-rs/blake-hash-linux-arm64-gnu',
};

/** What we call of `@napi-rs/blake-hash`. */
interface NativeModule {
  blake3(bytes: Uint8Array): Uint8Array;
  Blake3Hasher: new () => { update(bytes: Uint8Array): unknown; digestBuffer(): Uint8Array };
}

/** What we call of `blake3-wasm`. */
interface WasmModule {
  hash(bytes: Uint8Array): Uint8Array;
  createHash(): WasmHash;
}

interface WasmHash {
  update(bytes: Uint8Array): unknown;
  /** Also frees the WASM memory of this hash. */
  digest(): Uint8Array;
  dispose(): void;
}

let chosen: HashAlgorithm | undefined;

/** The `blake3` of the registry; picks and loads its implementation at the first use in this thread. */
export const blake3Algorithm: HashAlgorithm = {
  name: 'blake3',
  digestLength: DIGEST_LENGTH,
  get implementation() {
    return choose().implementation ?? '';
  },
  digest: (bytes) => (chosen ?? choose()).digest(bytes),
  createHasher: () => (chosen ?? choose()).createHasher(),
};

function choose(): HashAlgorithm {
  chosen ??= (process.env['P2P_BLAKE3'] === 'wasm' ? undefined : loadNativeBlake3()) ?? loadWasmBlake3();
  return chosen;
}

/** BLAKE3 by native code; undefined where the optional module is not installed or not built for this machine. */
export function loadNativeBlake3(): HashAlgorithm | undefined {
  let native: NativeModule;
  try {
    native = loadBinding();
  } catch (error) {
    if (isAbsentNativeModule(error)) return undefined;
    throw error;
  }
  return {
    name: 'blake3',
    digestLength: DIGEST_LENGTH,
    implementation: 'native',
    digest: (bytes) => native.blake3(bytes),
    createHasher() {
      const running = new native.Blake3Hasher();
      return {
        update(bytes) {
          running.update(bytes);
        },
        digest: () => running.digestBuffer(),
      };
    },
  };
}

/**
 * The usual binding of this machine straight from its package. The module's own loader tells one libc from another by
 * a diagnostic report, for which Node waits for every worker thread: 40 ms at a start. It has the last word all the same.
 */
function loadBinding(): NativeModule {
  const usual = USUAL_BINDINGS[`${process.platform}-${process.arch}`];
  if (usual !== undefined) {
    try {
      return createRequire(load.resolve('@napi-rs/blake-hash'))(usual) as NativeModule;
    } catch (error) {
      if (!isAbsentNativeModule(error)) throw error;
    }
  }
  return load('@napi-rs/blake-hash') as NativeModule;
}

/** MODULE_NOT_FOUND: not installed. ERR_DLOPEN_FAILED: other libc or CPU. The rest is napi-rs's own summary of both. */
function isAbsentNativeModule(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return (
    code === 'MODULE_NOT_FOUND' ||
    code === 'ERR_DLOPEN_FAILED' ||
    /^(Cannot find|Failed to load) native binding/.test(error.message)
  );
}

/** BLAKE3 by WebAssembly; compiled at the call. */
export function loadWasmBlake3(): HashAlgorithm {
  const wasm = load('blake3-wasm') as WasmModule;
  // A hasher that is dropped before its digest (a piece given up half-way) would stay in WASM memory for ever.
  const dropped = new FinalizationRegistry<WasmHash>((running) => {
    running.dispose();
  });
  const createHasher = () => new WasmHasher(wasm.createHash(), dropped);
  return {
    name: 'blake3',
    digestLength: DIGEST_LENGTH,
    implementation: 'wasm',
    digest(bytes) {
      if (bytes.length <= WASM_STEP_BYTES) return wasm.hash(bytes);
      const hasher = createHasher();
      hasher.update(bytes);
      return hasher.digest();
    },
    createHasher,
  };
}

class WasmHasher implements Hasher {
  readonly #running: WasmHash;
  readonly #dropped: FinalizationRegistry<WasmHash>;

  constructor(running: WasmHash, dropped: FinalizationRegistry<WasmHash>) {
    this.#running = running;
    this.#dropped = dropped;
    dropped.register(this, running, this);
  }

  update(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += WASM_STEP_BYTES) {
      this.#running.update(bytes.subarray(at, at + WASM_STEP_BYTES));
    }
  }

  digest(): Uint8Array {
    this.#dropped.unregister(this);
    return this.#running.digest();
  }
}
