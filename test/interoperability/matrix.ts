/**
 * The matrix of docs/interoperability.md: each cell is a test. The quick cells run with every `npm test`; `npm run interop`
 * runs all of them and writes the page from what is recorded here.
 */
import { appendFileSync } from 'node:fs';

/** Where a cell stands. */
export interface Cell {
  /** Heading of its table. */
  readonly section: string;
  /** What is tried. */
  readonly row: string;
  /** With whom and in which direction: `aria2 → p2p`. */
  readonly column: string;
}

/** How the test of a cell ended. */
export type CellResult =
  | { readonly type: 'worked'; readonly seconds: number }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'skipped' }
  | { readonly type: 'impossible'; readonly why: string };

/** A line of the file that `npm run interop` reads. */
export interface RecordedCell extends Cell {
  readonly result: CellResult;
}

/** Set by `npm run interop`: `all` for cells that are not quick too. */
const runsAll = process.env['P2P_INTEROP'] === 'all';

/** Declares the test of a cell; one that is not `quick` only where all run. */
export function matrixTest(
  cell: Cell & { readonly quick?: boolean },
  body: (this: Mocha.Context) => Promise<void>,
): void {
  if (cell.quick !== true && !runsAll) return;
  it(`${cell.row}: ${cell.column}`, async function () {
    const startedMs = performance.now();
    let result: CellResult = { type: 'skipped' };
    try {
      await body.call(this);
      result = { type: 'worked', seconds: (performance.now() - startedMs) / 1000 };
    } catch (error) {
      if (!this.test?.isPending()) result = { type: 'failed', message: error instanceof Error ? error.message : '' };
      throw error;
    } finally {
      record(cell, result);
    }
  });
}

/** Says in the page why a cell has no test: the other client cannot do that. */
export function noMatrixTest(cell: Cell, why: string): void {
  record(cell, { type: 'impossible', why });
}

function record({ section, row, column }: Cell, result: CellResult): void {
  const file = process.env['P2P_INTEROP_RESULTS'];
  if (file === undefined) return;
  const line: RecordedCell = { section, row, column, result };
  appendFileSync(file, `${JSON.stringify(line)}\n`);
}
