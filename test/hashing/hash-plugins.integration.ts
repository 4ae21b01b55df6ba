import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

import { expect } from 'chai';

import { resolveHashPlugins } from '../../src/hashing/hash-plugins.js';
import { projectRoot } from '../helpers/project-root.js';

/** Runs in each worker: loads the plugins it is given, and verifies a good and a bad piece by each algorithm. */
const workerCode = `
  import { parentPort, workerData } from 'node:worker_threads';
  const { HashRegistry } = await import(workerData.folder + 'hash-registry.js');
  const { loadHashPlugins } = await import(workerData.folder + 'hash-plugins.js');
  const { PieceVerifier } = await import(workerData.folder + 'piece-verifier.js');
  const registry = HashRegistry.builtIn();
  await loadHashPlugins(registry, workerData.plugins);
  const piece = new Uint8Array(2_000_000).fill(3);
  const verdicts = registry.names().map((name) => {
    const verifier = new PieceVerifier({ digests: new Map([[name, registry.require(name).digest(piece)]]), registry });
    return [name, verifier.verify(0, piece).type, verifier.verify(0, piece.subarray(1)).type];
  });
  parentPort.postMessage(verdicts);
`;

describe('hash algorithms in worker threads', () => {
  it('verify pieces in two threads at once, the native, WebAssembly and plugin ones', async () => {
    const folder = new URL('../../src/hashing/', import.meta.url).href;
    const plugins = resolveHashPlugins(['./examples/p2p-hash-sha3'], projectRoot);
    const workers = [{}, { P2P_BLAKE3: 'wasm' }].map(
      (env) =>
        new Worker(new URL(`data:text/javascript,${encodeURIComponent(workerCode)}`), {
          workerData: { folder, plugins },
          env: { ...process.env, ...env },
        }),
    );

    const answers = await Promise.all(workers.map(firstMessage));
    await Promise.all(workers.map((worker) => worker.terminate()));

    const names = ['blake3', 'sha1', 'sha256', 'sha3-256', 'sha3-512'];
    const expected = names.map((name) => [name, 'good', 'bad']);
    expect(answers).to.deep.equal([expected, expected]);
    expect(fileURLToPath(plugins[0] ?? '')).to.equal(`${projectRoot}examples/p2p-hash-sha3/index.js`);
  });
});

function firstMessage(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
