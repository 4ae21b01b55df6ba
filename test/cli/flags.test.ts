import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectError } from '../helpers/expect-error.js';
import { parseFileChoice, parsePieces, readToken } from '../../src/cli/flags.js';

describe('parseFileChoice', () => {
  it('takes places as BEP 53 writes them, and anything else as a glob', () => {
    expect(parseFileChoice('0,4-6')).to.deep.equal([
      { type: 'range', first: 0, last: 0 },
      { type: 'range', first: 4, last: 6 },
    ]);
    for (const glob of ['*.flac', '[2]024', '1-', '1,,2', '-3']) {
      expect(parseFileChoice(glob)).to.deep.equal([{ type: 'glob', glob }]);
    }
    for (const text of ['', '6-4']) expectError('P2P_OPTION_INVALID', () => parseFileChoice(text));
  });
});

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
