import { execFileSync } from 'node:child_process';

import { expect } from 'chai';

import { loadWasmBlake3 } from '../../src/hashing/blake3.js';

const moduleUrl = new URL('../../src/hashing/blake3.js', import.meta.url).href;

/** What a fresh process prints, given the module as `blake3Algorithm`. */
function inFreshProcess(code: string, env: NodeJS.ProcessEnv = {}): string {
  const script = `import { blake3Algorithm } from ${JSON.stringify(moduleUrl)}; ${code}`;
  const args = ['--expose-gc', '--input-type=module', '--eval', script];
  return execFileSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, ...env } }).trim();
}

describe('blake3', () => {
  it('takes WebAssembly when P2P_BLAKE3=wasm says so', () => {
    const printed = inFreshProcess('console.log(blake3Algorithm.implementation)', { P2P_BLAKE3: 'wasm' });

    expect(printed).to.equal('wasm');
  });

  it('loads no implementation before the first digest', () => {
    const printed = inFreshProcess(`
      import { createRequire } from 'node:module';
      const { cache } = createRequire(${JSON.stringify(moduleUrl)});
      const loaded = () => Object.keys(cache).filter((file) => file.includes('blake')).length > 0;
      const before = loaded();
      blake3Algorithm.digest(new Uint8Array(1));
      console.log(before, loaded());
    `);

    expect(printed).to.equal('false true');
  });

  it('does not let the memory of WebAssembly grow with the size of pieces', () => {
    const printed = inFreshProcess(
      `
      import { createRequire } from 'node:module';
      const wasm = createRequire(${JSON.stringify(moduleUrl)})('blake3-wasm/dist/wasm/nodejs/blake3_js.js').__wasm;
      blake3Algorithm.digest(new Uint8Array(64 * 1048576));
      console.log(wasm.memory.buffer.byteLength < 4 * 1048576);
    `,
      { P2P_BLAKE3: 'wasm' },
    );

    expect(printed).to.equal('true');
  });

  it('frees WebAssembly hashers that were dropped before their digest', () => {
    const printed = inFreshProcess(
      `
      import { createRequire } from 'node:module';
      const wasm = createRequire(${JSON.stringify(moduleUrl)})('blake3-wasm/dist/wasm/nodejs/blake3_js.js').__wasm;
      for (let round = 0; round < 40; round += 1) {
        for (let k = 0; k < 200; k += 1) blake3Algorithm.createHasher().update(new Uint8Array(10));
        gc();
        await new Promise((resolve) => setImmediate(resolve));
      }
      console.log(wasm.memory.buffer.byteLength < 4 * 1048576 || wasm.memory.buffer.byteLength);
    `,
      { P2P_BLAKE3: 'wasm' },
    );

    expect(printed).to.equal('true');
  });

  it('refuses a digest asked for twice of a WebAssembly hasher', () => {
    const hasher = loadWasmBlake3().createHasher();
    hasher.digest();

    expect(() => hasher.digest()).to.throw();
  });
});
