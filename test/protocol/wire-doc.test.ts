import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as limits from '../../src/protocol/limits.js';
import { projectRoot } from '../helpers/project-root.js';

/** Part of another limit, with no line of its own. */
const NOT_LISTED = new Set(['PIECE_PREFIX_BYTES']);

describe('docs/wire.md', () => {
  const rows = readFileSync(path.join(projectRoot, 'docs/wire.md'), 'utf8').split('\n');

  for (const [name, value] of Object.entries(limits)) {
    if (NOT_LISTED.has(name)) continue;
    it(`says that ${name} is ${value}`, () => {
      const row = rows.find((line) => line.includes(`\`${name}\``)) ?? '';

      expect(row).to.match(new RegExp(`(^|[ ])${value.toLocaleString('en-US')}( |$)`));
    });
  }

  it('names no limit that is not there', () => {
    const named = rows.join('\n').match(/`[A-Z][A-Z_]{5,}`/g) ?? [];

    expect(named.map((name) => name.slice(1, -1)).filter((name) => !(name in limits))).to.deep.equal([]);
  });
});
