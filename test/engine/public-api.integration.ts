import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import type * as publicApi from '../../src/engine/index.js';
import { projectRoot } from '../helpers/project-root.js';
import { testBytes } from '../helpers/test-bytes.js';
import { useEngines } from './engine-fixture.js';

type PublicApi = typeof publicApi;

/** The package as it ships, by its name; a variable, since its types are made only for publishing. */
async function importPackage(): Promise<PublicApi> {
  const name = 'p2p-fileshare';
  return (await import(name)) as PublicApi;
}

describe('the package as a library', () => {
  const engines = useEngines();

  before(function () {
    // `npm test` builds first; a run of mocha alone may not have.
    if (!existsSync(`${projectRoot}dist/index.mjs`)) this.skip();
  });

  it('exports what a program needs, and nothing else', async () => {
    const api = await importPackage();

    expect(Object.keys(api).sort()).to.deep.equal([
      'P2pError',
      'StatusReader',
      'openEngine',
      'removeCopy',
      'startDhtNode',
      'startTracker',
    ]);
  });

  it('seeds, finds, downloads, tells how far it is, verifies and closes', async () => {
    const { openEngine, startTracker } = await importPackage();
    const root = await engines.folder();
    const bytes = testBytes(300_000, 21);
    const source = path.join(root, 'story.bin');
    await writeFile(source, bytes);
    const tracker = await startTracker({ host: '127.0.0.1', port: 0, stateDir: path.join(root, 'tracker') });
    const trackers = [tracker.url];
    const happened: string[] = [];
    const seeder = await openEngine({
      stateDir: path.join(root, 'a'),
      port: 0,
      bindHost: '127.0.0.1',
      workerThreads: 1,
    });
    const engine = await openEngine({
      ...{ stateDir: path.join(root, 'b'), port: 0, bindHost: '127.0.0.1', workerThreads: 1 },
      onEvent: (event) => happened.push(event.type),
    });
    try {
      const seed = await seeder.seed({ path: source, trackers });
      expect(seed).to.deep.include({ published: true, trackers });
      const [entry] = await engine.catalogue(trackers);
      expect(entry).to.include({ name: 'story.bin', totalBytes: 300_000, fileCount: 1 });

      const transfer = await engine.download({ target: seed.magnet, trackers: [], outputDir: path.join(root, 'out') });
      expect(transfer.role).to.equal('download');
      expect(transfer.metainfo.infoHash).to.equal(entry?.infoHash);
      expect(transfer.snapshot()).to.include({ name: 'story.bin', totalBytes: 300_000 });
      expect(engine.transfers).to.deep.equal([transfer]);
      const { state, snapshot } = await transfer.finished;

      expect(state).to.equal('complete');
      expect(await readFile(snapshot.path)).to.deep.equal(bytes);
      expect(happened).to.include.members(['listening', 'announced', 'downloaded']);
      const { badPieces, badFiles } = await engine.verify({ target: seed.magnet, trackers: [] }, snapshot.path);
      expect([badPieces, badFiles]).to.deep.equal([[], []]);
    } finally {
      await Promise.all([engine.close(), engine.close(), seeder.close()]);
      await tracker.close();
    }
  });

  it('throws errors that the program can tell by class and code', async () => {
    const { openEngine, P2pError } = await importPackage();
    const engine = await openEngine({ stateDir: await engines.folder('state'), port: 0, workerThreads: 1 });
    const failed = await engine
      .seed({ path: path.join(await engines.folder(), 'nothing'), trackers: [] })
      .catch((error: unknown) => error);
    await engine.close();

    expect(failed).to.be.instanceOf(P2pError).and.include({ code: 'P2P_PATH_NOT_FOUND', exitCode: 3 });
  });

  it('declares its types', async function () {
    this.timeout(60_000);
    const outDir = await engines.folder('types');
    const tsc = path.join(projectRoot, 'node_modules/typescript/bin/tsc');
    const args = [tsc, '-p', 'tsconfig.types.json', '--outDir', outDir];
    const child = spawn(process.execPath, args, { cwd: projectRoot, stdio: ['ignore', 'pipe', 'ignore'] });

    const [complaints, [exitCode]] = await Promise.all([text(child.stdout), once(child, 'exit')]);

    expect(complaints).to.equal('');
    expect(exitCode).to.equal(0);
    const declared = readFileSync(path.join(outDir, 'engine/engine.d.ts'), 'utf8');
    expect(declared).to.include('openEngine(config: EngineConfig): Promise<EngineApi>');
  });

  it('runs the program of docs/programs.md, which ends by itself', async () => {
    const page = readFileSync(`${projectRoot}docs/programs.md`, 'utf8');
    const [, program = ''] = /```js\n(.*?)```/s.exec(page) ?? [];
    const cwd = await engines.folder('program');
    await mkdir(path.join(cwd, 'node_modules'));
    await symlink(projectRoot, path.join(cwd, 'node_modules', 'p2p-fileshare'), 'junction');
    await writeFile(path.join(cwd, 'program.mjs'), program);
    await writeFile(path.join(cwd, 'story.txt'), testBytes(50_000, 5));

    const child = spawn(process.execPath, ['program.mjs'], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    engines.onClose(() => void child.kill('SIGKILL'));
    const [printed, complaints, [exitCode]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit') as Promise<[number | null]>,
    ]);

    expect(complaints).to.equal('');
    expect(printed).to.match(/^others find it by its name, or by magnet:\?xt=urn:btih:/);
    expect(printed).to.match(/complete .*story\.txt 4 pieces\n$/);
    expect(exitCode).to.equal(0);
    expect(await readFile(path.join(cwd, 'output', 'story.txt'))).to.deep.equal(testBytes(50_000, 5));
  });
});
