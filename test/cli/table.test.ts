import { expect } from 'chai';
import { renderCatalogue } from '../../src/cli/catalogue-table.js';
import { displayWidth } from '../../src/cli/display-width.js';
import { styleFor } from '../../src/cli/style.js';
import { renderTable } from '../../src/cli/table.js';
import { aCatalogueEntry } from './snapshots.js';

describe('renderTable', () => {
  it('aligns columns', () => {
    const lines = renderTable(
      [{ title: 'NAME' }, { title: 'SIZE', align: 'right' }],
      [
        ['a', '1 B'],
        ['bcd', '10 KiB'],
      ],
      80,
    );

    expect(lines).to.deep.equal(['NAME    SIZE', 'a        1 B', 'bcd   10 KiB']);
  });

  it('drops columns in their order, then cuts the one that shrinks', () => {
    const shape = [
      { title: 'NAME', shrinks: true },
      { title: 'A', dropOrder: 1 },
      { title: 'B', dropOrder: 2 },
    ];
    const rows = [['a-name-of-some-length', '11111', '22222']];

    expect(renderTable(shape, rows, 20)[1]).to.match(/^a-.*…\S*\s+11111$/);
    expect(renderTable(shape, rows, 10)[1]).not.to.include('1');
  });
});

describe('renderCatalogue', () => {
  const entries = [
    aCatalogueEntry({ name: 'old.txt', publishedAtMs: 1 }),
    aCatalogueEntry({ name: `${'long-'.repeat(30)}.txt`, publishedAtMs: 3 }),
    aCatalogueEntry({ name: 'new\u001b[2J.txt', publishedAtMs: 2 }),
  ];

  it('fits terminals of 40 to 200 columns', () => {
    for (const columns of [40, 60, 80, 100, 120, 200]) {
      for (const line of renderCatalogue(entries, columns, styleFor(false))) {
        expect(displayWidth(line), line).to.be.at.most(columns);
      }
    }
  });

  it('lists the newest first, control characters written out', () => {
    const lines = renderCatalogue(entries, 120, styleFor(false));

    expect(lines[1]).to.match(/^long-/);
    expect(lines[2]).to.match(/^new\\x1b\[2J\.txt/);
    expect(lines[3]).to.match(/^old\.txt/);
  });

  it('cuts nothing where there is no terminal', () => {
    const long = aCatalogueEntry({ name: 'n'.repeat(200) });
    const text = renderCatalogue([long], Infinity, styleFor(false)).join('\n');

    expect(text).to.include(long.name).and.to.include(long.infoHash);
  });

  it('shows whole info hashes where a name is not enough', () => {
    const twins = [aCatalogueEntry(), aCatalogueEntry({ infoHash: 'ef'.repeat(20) })];

    expect(renderCatalogue(twins, 120, styleFor(false)).join('\n')).to.include('ef'.repeat(20));
  });
});
