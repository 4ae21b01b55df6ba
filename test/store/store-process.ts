/** What the store's tests run as processes of their own: `node store-process.js TASK STATE ...`. Prints one JSON line. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { toErrorValue } from '../../src/errors.js';
import { lockCopy } from '../../src/store/copy-lock.js';
import { CopyStore } from '../../src/store/copy-store.js';
import { openStateDatabase } from '../../src/store/database.js';
import { aCopyRequest, anInfoHash } from './store-fixtures.js';

/** Path of this script, compiled. */
export const storeProcess = fileURLToPath(import.meta.url);

function say(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Waits for a byte on stdin, so that several processes start at the same moment. */
async function startSignal(): Promise<void> {
  say({ type: 'ready' });
  await once(process.stdin, 'data');
}

const tasks: Record<string, (stateDir: string, argument: string) => Promise<void>> = {
  /** Opens the database, records a copy of its own, and closes. */
  async open(stateDir, name) {
    await startSignal();
    const notes: string[] = [];
    const database = openStateDatabase(stateDir, { onNote: (note) => notes.push(note) });
    const store = new CopyStore(database);
    const { id } = store.openCopy(aCopyRequest({ rootPath: `/${name}` }));
    store.recordPieces(id, { verified: [1, 2, 3] });
    database.close();
    say({ type: 'done', notes });
  },

  /** Records pieces one by one until it is killed, saying each that is committed. */
  async write(stateDir) {
    const store = new CopyStore(openStateDatabase(stateDir));
    const { id, pieceCount } = store.openCopy(aCopyRequest({ pieceCount: 1_000_000 }));
    for (let pieceIndex = 0; pieceIndex < pieceCount; pieceIndex += 1) {
      store.recordPieces(id, { verified: [pieceIndex] });
      say({ type: 'recorded', pieceIndex });
    }
  },

  /** Takes the lock of a copy and holds it until stdin ends. */
  async lock(stateDir, rootPath) {
    await startSignal();
    lockCopy(stateDir, anInfoHash(), rootPath);
    say({ type: 'locked' });
    await once(process.stdin, 'end');
  },
};

if (process.argv[1] === storeProcess) {
  const [task = '', stateDir = '', argument = ''] = process.argv.slice(2);
  await tasks[task]?.(stateDir, argument).catch((error: unknown) => {
    say({ type: 'error', ...toErrorValue(error) });
  });
  process.exit();
}
