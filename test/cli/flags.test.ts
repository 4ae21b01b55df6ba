import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePieces, readToken } from '../../src/cli/flags.js';

describe('parsePieces', () => {
  it('reads an index and a range', () => {
    expect(parsePieces('7')).to.deep.equal([7]);
    expect(parsePieces('3-6')).to.deep.equal([3, 4, 5, 6]);
  });

  it('refuses what is neither, and ranges of absurd length before it allocates', () => {
    for (const text of ['', 'x', '-1', '1.5', '1-', '6-3', '0-99999999999']) {
      expect(() => parsePieces(text), text)
        .to.throw()
        .with.property('code', 'P2P_OPTION_INVALID');
    }
  });
});

describe('readToken', () => {
  const folder = mkdtempSync(join(tmpdir(), 'p2p-token-'));
  after(() => rmSync(folder, { recursive: true }));

  it('takes the file before the environment', () => {
    const file = join(folder, 'token');
    writeFileSync(file, 'secret-of-file\n');

    expect(readToken(file, { P2P_TOKEN: 'secret-of-environment' })).to.equal('secret-of-file');
    expect(readToken(undefined, { P2P_TOKEN: 'secret-of-environment' })).to.equal('secret-of-environment');
    expect(readToken(undefined, {})).to.equal(undefined);
  });

  it('refuses a file that is not there or empty, and does not repeat a secret that was typed as a file name', () => {
    const empty = join(folder, 'empty');
    writeFileSync(empty, '\n');

    expect(() => readToken(empty, {})).to.throw(/empty/);
    expect(() => readToken('typed-secret', {}))
      .to.throw(/cannot be read/)
      .and.not.match(/typed-secret/);
  });
});
