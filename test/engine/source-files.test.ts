import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { assertUnchanged, readSource, sourceFiles } from '../../src/engine/source-files.js';
import { rejection } from './engine-fixture.js';

const never = new AbortController().signal;

describe('readSource', () => {
  let root: string;

  beforeEach(() => {
    root = realpathSync(mkdtempSync(path.join(tmpdir(), 'p2p-source-')));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function write(name: string, content = name): string {
    const file = path.join(root, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  }

  it('takes a file by its name, empty or not, through a symbolic link too', async () => {
    const file = write('a b.txt', '12345');
    symlinkSync(file, path.join(root, 'link.txt'));

    expect(await readSource(file, never)).to.deep.include({
      name: 'a b.txt',
      isFolder: false,
      totalBytes: 5,
      notes: [],
    });
    expect(await readSource(path.join(root, 'link.txt'), never)).to.include({ name: 'link.txt', totalBytes: 5 });
    expect(await readSource(write('empty', ''), never)).to.include({ totalBytes: 0 });
  });

  it('takes a folder with all that is below it, in the order of a torrent', async () => {
    for (const name of ['b/z', 'b/a', 'a', 'b.txt', '.hidden', 'é 🦀']) write(`album/${name}`);

    const source = await readSource(`${root}/album/`, never);

    expect(source).to.include({ name: 'album', isFolder: true, rootPath: path.join(root, 'album') });
    expect(source.files.map((file) => file.path.join('/'))).to.deep.equal([
      '.hidden',
      'a',
      'b/a',
      'b/z',
      'b.txt',
      'é 🦀',
    ]);
    expect(sourceFiles(source)[2]).to.deep.equal({ path: path.join(root, 'album/b/a'), lengthBytes: 9, depth: 1 });
  });

  it('passes over links and special files in a folder, and says so', async function () {
    if (process.platform === 'win32') this.skip();
    write('album/a');
    symlinkSync('/etc', path.join(root, 'album/out'));
    execFileSync('mkfifo', [path.join(root, 'album/pipe')]);

    const { files, notes } = await readSource(path.join(root, 'album'), never);

    expect(files).to.have.length(1);
    expect([...notes].sort()).to.deep.equal([
      'passed over out: a symbolic link',
      'passed over pipe: not a regular file',
    ]);
  });

  it('says what is wrong with a path', async () => {
    mkdirSync(path.join(root, 'hollow/below'), { recursive: true });
    const file = write('file');

    expect((await rejection('P2P_PATH_NOT_FOUND', readSource(`${root}/gone`, never))).message).to.include(
      `${root}/gone`,
    );
    await rejection('P2P_PATH_NOT_FOUND', readSource(`${file}/below`, never));
    await rejection('P2P_NOTHING_TO_SEED', readSource(`${root}/hollow`, never));
    await rejection('P2P_OPTION_INVALID', readSource('/', never));
    await rejection('P2P_OPTION_INVALID', readSource('/dev/null', never));
  });

  it('ends when it is told to', async () => {
    write('album/a');
    const reason = new Error('enough');

    const reading = readSource(path.join(root, 'album'), AbortSignal.abort(reason));

    expect(await reading.catch((error: unknown) => error)).to.equal(reason);
  });

  describe('assertUnchanged', () => {
    it('finds a file that grew, was touched, or is gone', async () => {
      const file = write('album/a', '123');
      const source = await readSource(path.join(root, 'album'), never);
      await assertUnchanged(source);

      utimesSync(file, 1, 1);
      const error = await rejection('P2P_DISK_FAILED', assertUnchanged(source));
      expect(error.message).to.include(file).and.include('changed while it was hashed');
      writeFileSync(file, '1234');
      await rejection('P2P_DISK_FAILED', assertUnchanged(source));
      rmSync(file);
      await rejection('P2P_DISK_FAILED', assertUnchanged(source));
    });
  });
});
