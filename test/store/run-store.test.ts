import { expect } from 'chai';
import { takeLockFile, type LockFile } from '../../src/database/lock-file.js';
import type { SqliteDatabase } from '../../src/database/sqlite.js';
import { CopyStore } from '../../src/store/copy-store.js';
import { openStateDatabase } from '../../src/store/database.js';
import { processLockPath, RunStore } from '../../src/store/run-store.js';
import { aCopyRequest, aTempDir } from './store-fixtures.js';

describe('RunStore', () => {
  let dir: ReturnType<typeof aTempDir>;
  let database: SqliteDatabase;
  let runs: RunStore;
  let copies: CopyStore;
  let copyId: number;
  const locks: LockFile[] = [];

  beforeEach(() => {
    dir = aTempDir();
    database = openStateDatabase(dir.path);
    runs = new RunStore(database, () => 5_000);
    copies = new CopyStore(database);
    copyId = copies.openCopy(aCopyRequest()).id;
  });
  afterEach(() => {
    for (const lock of locks.splice(0)) lock.release();
    database.close();
    dir.remove();
  });

  /** A process that lives. */
  function aProcess(lockName: string): number {
    const lock = takeLockFile(processLockPath(dir.path, lockName));
    if (!lock) throw new Error('the lock is taken');
    locks.push(lock);
    return runs.addProcess(42, lockName);
  }

  const report = (snapshot: string) => ({ copyId, snapshot, downBytes: 10, upBytes: 1 });

  it('tells what each process said last, and counts their payload', () => {
    const [one, two] = [aProcess('one.lock'), aProcess('two.lock')];

    runs.report(one, [report('"old"')]);
    runs.report(one, [report('"new"')]);
    runs.report(two, [{ copyId, snapshot: '"other"', downBytes: 0, upBytes: 0 }]);

    const listed = runs.listLiveRuns(dir.path).map(({ processId, pid, snapshot }) => ({ processId, pid, snapshot }));
    expect(listed).to.deep.equal([
      { processId: one, pid: 42, snapshot: '"new"' },
      { processId: two, pid: 42, snapshot: '"other"' },
    ]);
    expect(copies.listCopies()[0]).to.include({ downTotalBytes: 20, upTotalBytes: 2 });
  });

  it('believes no process whose lock is free, whatever lives under its number now', () => {
    const gone = aProcess('gone.lock');
    runs.report(gone, [report('"seeding"')]);
    runs.report(runs.addProcess(process.pid, 'never-there.lock'), [report('"seeding"')]);

    locks[0]?.release();

    expect(runs.listLiveRuns(dir.path)).to.deep.equal([]);
    expect(runs.listRuns()).to.have.length(2);
    runs.removeDeadProcesses(dir.path);
    expect(runs.listRuns()).to.deep.equal([]);
    expect(runs.listProcesses()).to.deep.equal([]);
  });

  it('keeps a process that enters while another one looks for dead ones (FOREIGN KEY constraint failed)', () => {
    runs.addProcess(1, 'gone.lock');
    const list = runs.listProcesses.bind(runs);
    const entered: number[] = [];
    runs.listProcesses = () => {
      const listed = list();
      entered.push(aProcess(`new-${entered.length}.lock`));
      return listed;
    };

    runs.removeDeadProcesses(dir.path);

    expect(list().map(({ processId }) => processId)).to.deep.equal(entered);
  });

  it('forgets the runs of a process that took its leave, and of a copy that was removed', () => {
    const one = aProcess('one.lock');
    const two = aProcess('two.lock');
    runs.report(one, [report('1')]);
    runs.report(two, [report('2')]);

    runs.removeProcess(one);
    runs.removeProcess(one);
    expect(runs.listRuns().map(({ processId }) => processId)).to.deep.equal([two]);

    copies.removeCopy(copyId);
    expect(runs.listRuns()).to.deep.equal([]);
    runs.report(two, [report('3')]);
    expect(runs.listRuns(), 'a report of a removed copy').to.deep.equal([]);
  });
});
