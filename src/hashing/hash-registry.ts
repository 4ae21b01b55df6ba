/** The hash algorithms that this thread knows, by name: the built-in ones, and those of plugins. */
import { OptionError } from '../errors.js';
import { blake3Algorithm } from './blake3.js';
import type { HashAlgorithm } from './hash-algorithm.js';
import { checkHashAlgorithm } from './hash-compliance.js';
import { sha1Algorithm, sha256Algorithm } from './sha.js';

const BUILT_IN: readonly HashAlgorithm[] = [blake3Algorithm, sha1Algorithm, sha256Algorithm];

interface Entry {
  readonly algorithm: HashAlgorithm;
  /** File URL of the plugin; undefined for a built-in one. */
  readonly origin: string | undefined;
}

export class HashRegistry {
  readonly #entries = new Map<string, Entry>();

  /** A registry of `blake3`, `sha1` and `sha256`. */
  static builtIn(): HashRegistry {
    const registry = new HashRegistry();
    for (const algorithm of BUILT_IN) registry.#entries.set(algorithm.name, { algorithm, origin: undefined });
    return registry;
  }

  /** All names, the built-in ones first, then in the order in which they were added. */
  names(): string[] {
    return [...this.#entries.keys()];
  }

  /** The algorithm of that name, if there is one. */
  find(name: string): HashAlgorithm | undefined {
    return this.#entries.get(name)?.algorithm;
  }

  /**
   * The algorithm of that name.
   * @throws {P2P_HASH_UNKNOWN} when there is none
   */
  require(name: string): HashAlgorithm {
    const algorithm = this.find(name);
    if (algorithm) return algorithm;
    throw new OptionError(
      `there is no hash algorithm '${name}'; there are ${this.names().join(', ')}. ` +
        'A plugin package adds others: p2p plugins install NAME, or --hash-plugin MODULE for one run',
      { name, known: this.names() },
      'P2P_HASH_UNKNOWN',
    );
  }

  /** Whether the name belongs to p2p itself. */
  isBuiltIn(name: string): boolean {
    const entry = this.#entries.get(name);
    return entry !== undefined && entry.origin === undefined;
  }

  /**
   * Adds the algorithms of a plugin, all or none of them; the same plugin again changes nothing.
   * @param algorithms what the plugin exports, unchecked
   * @param origin file URL or name of the plugin, for messages
   * @throws {P2P_PLUGIN_INVALID} when a name is taken, or an algorithm does not do what `HashAlgorithm` promises
   */
  add(algorithms: readonly HashAlgorithm[], origin: string): void {
    if (algorithms.length === 0) throw pluginError(origin, 'exports no hash algorithm');
    const names = new Set<string>();
    for (const algorithm of algorithms) {
      const violations = checkHashAlgorithm(algorithm);
      if (violations.length > 0) throw pluginError(origin, `breaks the contract: ${violations.join('; ')}`, violations);
      this.#checkName(algorithm.name, names, origin);
      names.add(algorithm.name);
    }
    for (const algorithm of algorithms) this.#entries.set(algorithm.name, { algorithm, origin });
  }

  #checkName(name: string, namesBefore: ReadonlySet<string>, origin: string): void {
    if (namesBefore.has(name)) throw pluginError(origin, `exports '${name}' twice`);
    if (this.isBuiltIn(name)) throw pluginError(origin, `wants the built-in name '${name}', which cannot be taken`);
    const owner = this.#entries.get(name)?.origin;
    if (owner !== undefined && owner !== origin) {
      throw pluginError(origin, `wants the name '${name}', which ${owner} has already`);
    }
  }
}

function pluginError(origin: string, problem: string, violations: readonly string[] = []): OptionError {
  return new OptionError(`hash plugin ${origin} ${problem}`, { origin, violations }, 'P2P_PLUGIN_INVALID');
}
