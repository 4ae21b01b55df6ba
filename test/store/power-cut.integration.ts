/** What the store promises when the power goes; whole downloads are in test/scenarios/24-power-cut.integration.ts. */
import { expect } from 'chai';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { join } from 'node:path';

import { seededRandom } from '../../src/swarm/seeded-random.js';
import { aMemoryFolder, Recorder, requireRecorder } from '../helpers/power-cut/recorder.js';
import { withStore } from '../helpers/power-cut/recovered-state.js';
import { SimulatedDisk } from '../helpers/power-cut/simulated-disk.js';
import { LOST_PIECE, PIECE_BYTES, rightPiece, storeProcess } from './store-process.js';

const CUTS_EACH_EVENT = 12;

describe('CopyStore and a power cut', function () {
  this.timeout(40_000);
  let memory: ReturnType<typeof aMemoryFolder> | undefined;
  let workDir = '';
  let recorder: Recorder;

  beforeEach(function () {
    requireRecorder(this);
    memory = aMemoryFolder();
    workDir = memory.path;
    recorder = new Recorder({ root: join(workDir, 'disk'), workDir });
  });

  afterEach(() => memory?.remove());

  /** Runs a task of `store-process.ts` that has a file. @returns how it ended */
  function run(task: string): Pick<SpawnSyncReturns<string>, 'status' | 'signal' | 'stderr'> {
    const args = [storeProcess, task, join(recorder.root, 'state'), join(recorder.root, 'file')];
    return spawnSync(process.execPath, args, { env: { ...process.env, ...recorder.nextEnv() }, encoding: 'utf8' });
  }

  it('keeps what was flushed, though another process made the log and was killed', () => {
    expect(run('begin').signal).to.equal('SIGKILL');
    const { status, stderr } = run('goOn');
    expect(status, stderr).to.equal(0);

    const disk = new SimulatedDisk({ rootInode: recorder.rootInode });
    let isFlushed = false;
    for (const event of recorder.events()) {
      disk.apply(event);
      isFlushed ||= event.type === 'mark' && event.text.includes('flushed');
      if (!isFlushed) continue;
      const image = disk.cut(seededRandom(''), 0);
      const intents = withStore(image, 'state', join(workDir, 'recovered'), (store) =>
        store.listCopies().flatMap(({ id }) => [...store.ownership(id).intents.indices()]),
      );
      expect(intents, `after a ${event.type}`).to.deep.equal([1]);
    }

    expect(isFlushed).to.equal(true);
  });

  it('never believes again in a durable piece that was found wrong, while it is written anew', () => {
    const { status, stderr } = run('lose');
    expect(status, stderr).to.equal(0);
    const disk = new SimulatedDisk({ rootInode: recorder.rootInode });
    let isLost = false;
    const seen = { believed: 0, doubted: 0, torn: 0 };
    for (const [at, event] of recorder.events().entries()) {
      disk.apply(event);
      isLost ||= event.type === 'mark' && event.text.includes('lost');
      for (let number = 0; isLost && number < CUTS_EACH_EVENT; number += 1) {
        const seed = `${at}/${number}`;
        const image = disk.cut(seededRandom(seed));
        const start = LOST_PIECE * PIECE_BYTES;
        const bytes = image.files.get('file')?.bytes.subarray(start, start + PIECE_BYTES);
        const isRight = bytes?.equals(rightPiece(LOST_PIECE)) === true;
        const isDurable = withStore(image, 'state', join(workDir, 'recovered'), (store, notes) => {
          expect(notes, `torn, seed ${seed}`).to.deep.equal([]);
          const copy = store.listCopies()[0];
          return copy !== undefined && store.ownership(copy.id).durable.has(LOST_PIECE);
        });
        expect(isDurable && !isRight, `wrongly trusted after ${event.type}, seed ${seed}`).to.equal(false);
        if (isDurable) seen.believed += 1;
        else seen.doubted += 1;
        if (!isRight) seen.torn += 1;
      }
    }

    for (const [what, count] of Object.entries(seen)) expect(count, what).to.be.greaterThan(0);
  });
});
