/** What the store's tests run as processes of their own: `node store-process.js TASK STATE ...`. Prints one JSON line. */
import { once } from 'node:events';
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { checkpointDatabase } from '../../src/database/checkpoint-database.js';
import { syncFolderNow } from '../../src/database/sync-folder.js';
import { toErrorValue } from '../../src/errors.js';
import { lockCopy } from '../../src/store/copy-lock.js';
import { CopyStore } from '../../src/store/copy-store.js';
import { openStateDatabase } from '../../src/store/database.js';
import { testBytes } from '../helpers/test-bytes.js';
import { aCopyRequest, anInfoHash } from './store-fixtures.js';

/** Path of this script, compiled. */
export const storeProcess = fileURLToPath(import.meta.url);

export const PIECE_BYTES = 16_384;
/** The one of `lose` that is found wrong. */
export const LOST_PIECE = 3;

export function rightPiece(index: number): Buffer {
  return testBytes(PIECE_BYTES, index + 1);
}

function wrongPiece(): Buffer {
  return testBytes(PIECE_BYTES, 1000);
}

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

  /** Makes the database, and is killed before anything of it is flushed. */
  async begin(stateDir, path) {
    const store = new CopyStore(openStateDatabase(stateDir));
    store.openCopy(aCopyRequest({ rootPath: path }));
    process.kill(process.pid, 'SIGKILL');
    await new Promise(() => undefined);
  },

  /** Goes on with what the other left, and flushes what it writes down. */
  async goOn(stateDir, path) {
    const database = openStateDatabase(stateDir);
    const store = new CopyStore(database);
    const { id } = store.openCopy(aCopyRequest({ rootPath: path }));
    store.recordPieces(id, { intents: [1] }, true);
    say({ type: 'flushed' });
    database.close();
  },

  /** Owns all ten pieces of a file for good, finds one of them wrong, and writes it anew. */
  async lose(stateDir, path) {
    const database = openStateDatabase(stateDir);
    const store = new CopyStore(database);
    const fd = openSync(path, 'w');
    const { id, pieceCount } = store.openCopy(aCopyRequest({ rootPath: path }));
    for (let index = 0; index < pieceCount; index += 1) {
      writeSync(fd, index === LOST_PIECE ? wrongPiece() : rightPiece(index), 0, PIECE_BYTES, index * PIECE_BYTES);
    }
    fdatasyncSync(fd);
    syncFolderNow(dirname(path));
    const all = Array.from({ length: pieceCount }, (_, index) => index);
    store.recordPieces(id, { verified: all, durable: all });
    checkpointDatabase(database.name);

    store.recordPieces(id, { lost: [LOST_PIECE] });
    say({ type: 'lost' });
    store.recordPieces(id, { intents: [LOST_PIECE] });
    writeSync(fd, rightPiece(LOST_PIECE), 0, PIECE_BYTES, LOST_PIECE * PIECE_BYTES);
    store.recordPieces(id, { verified: [LOST_PIECE] });
    fdatasyncSync(fd);
    store.recordPieces(id, { durable: [LOST_PIECE] });
    closeSync(fd);
    database.close();
  },
};

if (process.argv[1] === storeProcess) {
  const [task = '', stateDir = '', argument = ''] = process.argv.slice(2);
  await tasks[task]?.(stateDir, argument).catch((error: unknown) => {
    say({ type: 'error', ...toErrorValue(error) });
  });
  process.exit();
}
