import { expect } from 'chai';
import { matrixTables, START_MARK, withTables } from './matrix-page.js';
import type { CellResult, RecordedCell } from './matrix.js';

const cell = (row: string, column: string, result: CellResult, section = 'Transfers'): RecordedCell => ({
  section,
  row,
  column,
  result,
});

describe('matrixTables', () => {
  it('makes a table a section, with empty cells where nothing was recorded', () => {
    const tables = matrixTables([
      cell('one file', 'aria2 → p2p', { type: 'worked', seconds: 1.234 }),
      cell('one file', 'p2p → aria2', { type: 'skipped' }),
      cell('a folder', 'p2p → aria2', { type: 'worked', seconds: 0.5 }),
      cell('nine peers', 'all', { type: 'worked', seconds: 8 }, 'Swarms'),
    ]);

    expect(tables.split('\n')).to.deep.equal([
      '### Transfers',
      '',
      '| what | aria2 → p2p | p2p → aria2 |',
      '| --- | --- | --- |',
      '| one file | 1.2 s | not tried |',
      '| a folder |  | 0.5 s |',
      '',
      '### Swarms',
      '',
      '| what | all |',
      '| --- | --- |',
      '| nine peers | 8.0 s |',
      '',
    ]);
  });

  it('explains below a table what failed and what a client cannot do, each once', () => {
    const tables = matrixTables([
      cell('one', 'a', { type: 'failed', message: 'it hung\nat once' }),
      cell('one', 'b', { type: 'impossible', why: 'b has no DHT.' }),
      cell('two', 'b', { type: 'impossible', why: 'b has no DHT.' }),
    ]);

    expect(tables).to.contain('| one | **failed** (1) | no (2) |');
    expect(tables).to.contain('| two |  | no (2) |');
    expect(tables).to.contain('1. it hung\n2. b has no DHT.\n');
  });

  it('takes the last word where a cell was tried twice', () => {
    const tables = matrixTables([
      cell('one', 'a', { type: 'failed', message: 'no' }),
      cell('one', 'a', { type: 'worked', seconds: 1 }),
    ]);

    expect(tables).to.contain('| one | 1.0 s |').and.not.to.contain('failed');
  });
});

describe('withTables', () => {
  it('keeps what stands above the mark', () => {
    const page = `# Title\n\n${START_MARK}\n\nold\n`;

    expect(withTables(page, 'new\n')).to.equal(`# Title\n\n${START_MARK}\n\nnew\n`);
  });

  it('refuses a page without the mark', () => {
    expect(() => withTables('# Title\n', 'new')).to.throw('no line');
  });
});
