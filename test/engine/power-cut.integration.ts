/** What a start believes after a power cut; whole downloads are in test/scenarios/24-power-cut.integration.ts. */
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { judgeCopy } from '../../src/engine/copy-trust.js';
import { StateStore, type StoredCopy } from '../../src/engine/state-store.js';
import type { CopyFile } from '../../src/store/copy-store.js';
import { seededRandom } from '../../src/swarm/seeded-random.js';
import type { DiskEvent } from '../helpers/power-cut/disk-log.js';
import { aMemoryFolder, Recorder, requireRecorder } from '../helpers/power-cut/recorder.js';
import { writeImage } from '../helpers/power-cut/recovered-state.js';
import { SimulatedDisk, type DiskImage } from '../helpers/power-cut/simulated-disk.js';
import {
  PIECE_BYTES,
  TOUCHED_PIECE,
  content,
  metainfo,
  powerCutProcess,
  type TouchedLine,
} from './power-cut-process.js';

const CUTS_EACH_EVENT = 6;

describe('What is believed after a power cut', function () {
  this.timeout(40_000);
  let memory: ReturnType<typeof aMemoryFolder> | undefined;
  let workDir = '';
  let recorder: Recorder;
  let events: readonly DiskEvent[] = [];

  before(function () {
    requireRecorder(this);
    memory = aMemoryFolder();
    workDir = memory.path;
    recorder = new Recorder({ root: join(workDir, 'disk'), workDir });
    const args = [powerCutProcess, join(recorder.root, 'state'), join(recorder.root, 'file.part')];
    const env = { ...process.env, ...recorder.nextEnv() };
    const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
    expect(status, stderr).to.equal(0);
    events = recorder.events();
  });

  after(() => memory?.remove());

  it('is no piece that somebody overwrote, until it is fetched again', () => {
    const disk = new SimulatedDisk({ rootInode: recorder.rootInode });
    let touched: TouchedLine | undefined;
    const seen = { believed: 0, doubted: 0 };
    for (const [at, event] of events.entries()) {
      disk.apply(event);
      if (event.type === 'mark') touched = JSON.parse(event.text) as TouchedLine;
      for (let number = 0; touched && number < CUTS_EACH_EVENT; number += 1) {
        const seed = `${at}/${number}`;
        const image = disk.cut(seededRandom(seed), number === 0 ? 0 : undefined);
        const trusted = believedPieces(image, touched);
        const bytes = image.files.get('file.part')?.bytes;
        const wrong = trusted.filter((piece) => {
          const start = piece * PIECE_BYTES;
          const end = start + PIECE_BYTES;
          return bytes?.subarray(start, end).equals(content.subarray(start, end)) !== true;
        });
        expect(wrong, `wrongly trusted after event ${at}, a ${event.type}; seed ${seed}`).to.deep.equal([]);
        if (trusted.includes(TOUCHED_PIECE)) seen.believed += 1;
        else seen.doubted += 1;
      }
    }

    for (const [what, count] of Object.entries(seen)) expect(count, what).to.be.greaterThan(0);
  });

  /** What is believed without hashing, if the disk kept the file's times as they were told, or as they were written down. */
  function believedPieces(image: DiskImage, touched: TouchedLine): number[] {
    const folder = join(workDir, 'recovered');
    writeImage(image, folder, (path) => path.startsWith('state/p2p.db'));
    const notes: string[] = [];
    const store = new StateStore(join(folder, 'state'), (note) => notes.push(note));
    let known: StoredCopy | undefined;
    try {
      known = store.known(metainfo.infoHash, join(recorder.root, 'file'));
    } finally {
      store.close();
    }
    expect(notes).to.deep.equal([]);
    const recorded = known?.files.get(0);
    if (!recorded) return [];
    const then = { ...recorded, mtimeNs: BigInt(touched.mtimeNs), ctimeNs: BigInt(touched.ctimeNs) };
    const stamps = recorded.mtimeNs >= then.mtimeNs ? [then, recorded] : [then];
    const judge = (now: CopyFile): number[] => [
      ...judgeCopy(metainfo.layout, () => true, known, new Map([[0, now]])).trusted.indices(),
    ];
    return [...new Set(stamps.flatMap(judge))];
  }
});
