import { expect } from 'chai';
import { constants, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { link, mkdir, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  createEmptyFiles,
  downloadTarget,
  entryKind,
  finishTarget,
  prepareOutput,
  removeLeftPart,
  type DownloadTarget,
} from '../../src/engine/download-target.js';
import { aMetainfo } from '../helpers/a-torrent.js';
import { rejection } from './engine-fixture.js';

describe('download target', () => {
  let root: string;
  let target: DownloadTarget;

  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'p2p-target-'));
    target = { targetPath: path.join(root, 'thing'), partPath: path.join(root, 'thing.part') };
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function content(...names: string[]): string {
    return readFileSync(path.join(root, ...names), 'utf8');
  }

  async function aFolder(name: string, file: string, text: string): Promise<void> {
    await mkdir(path.join(root, name));
    await writeFile(path.join(root, name, file), text);
  }

  describe('its names', () => {
    it('are absolute, the part beside the target', () => {
      const { targetPath, partPath } = downloadTarget(aMetainfo({ name: 'a b.txt' }), 'some/where');

      expect(targetPath).to.equal(path.resolve('some/where/a b.txt'));
      expect(partPath).to.equal(path.resolve('some/where/a b.txt.part'));
    });

    for (const [what, name] of [
      ['letters', 'x'.repeat(255)],
      ['emoji', `${'🦀'.repeat(63)}abc`],
      ['letters and an extension', `${'y'.repeat(251)}.txt`],
    ] as const) {
      it(`fit into 255 bytes for a name of 255 bytes of ${what}`, () => {
        const { targetPath, partPath } = downloadTarget(aMetainfo({ name }), root);

        expect(path.basename(targetPath)).to.equal(name);
        expect(Buffer.byteLength(path.basename(partPath))).to.be.within(250, 255);
        expect(path.basename(partPath))
          .to.match(/\.part$/)
          .and.not.include('\ufffd');
      });
    }
  });

  describe('prepareOutput', () => {
    it('makes the folder with those above it', async () => {
      const deep = { targetPath: path.join(root, 'a/b/thing'), partPath: path.join(root, 'a/b/thing.part') };

      await prepareOutput(deep, 10);

      expect(await entryKind(path.join(root, 'a/b'))).to.equal('folder');
    });

    it('refuses what cannot fit, with the figures', async () => {
      const error = await rejection('P2P_DISK_FULL', prepareOutput(target, 2 ** 62));

      expect(error.message).to.match(/has .* free, .* are needed: .* too little; make room or choose another folder/);
      expect(error.details).to.include({ path: root, neededBytes: 2 ** 62 });
    });

    it('refuses a file where a folder must be', async () => {
      await writeFile(path.join(root, 'file'), '');

      const below = path.join(root, 'file', 'thing');
      const error = await rejection('P2P_DISK_FAILED', prepareOutput({ targetPath: below, partPath: below }, 0));

      expect(error.message).to.include(`'${path.join(root, 'file')}'`);
    });

    it('refuses a folder that may not be written', async function () {
      // The superuser may write anywhere.
      if (process.getuid?.() === 0 || process.platform === 'win32') this.skip();
      const locked = path.join(root, 'locked');
      await mkdir(locked, { mode: 0o500 });

      const error = await rejection(
        'P2P_DISK_FAILED',
        prepareOutput({ targetPath: path.join(locked, 'x'), partPath: path.join(locked, 'x.part') }, 0),
      );

      expect(error.message).to.equal(`no permission to write into '${locked}'`);
    });
  });

  describe('finishTarget', () => {
    it('renames a file', async () => {
      await writeFile(target.partPath, 'new');

      await finishTarget(target, false, false);

      expect(content('thing')).to.equal('new');
      expect(readdirSync(root)).to.deep.equal(['thing']);
    });

    it('renames a folder', async () => {
      await aFolder('thing.part', 'a.txt', 'new');

      await finishTarget(target, true, false);

      expect(content('thing', 'a.txt')).to.equal('new');
      expect(readdirSync(root)).to.deep.equal(['thing']);
    });

    it('replaces nothing unless told so', async () => {
      await writeFile(target.partPath, 'new');
      await writeFile(target.targetPath, 'old');

      const error = await rejection('P2P_TARGET_EXISTS', finishTarget(target, false, false));

      expect(error.message).to.include('--force');
      expect([content('thing'), content('thing.part')]).to.deep.equal(['old', 'new']);
    });

    it('replaces a file when told so', async () => {
      await writeFile(target.partPath, 'new');
      await writeFile(target.targetPath, 'old');

      await finishTarget(target, false, true);

      expect(content('thing')).to.equal('new');
      expect(readdirSync(root)).to.deep.equal(['thing']);
    });

    it('replaces a folder by a folder, a folder by a file, and a file by a folder when told so', async () => {
      await aFolder('thing', 'old.txt', 'old');
      await aFolder('thing.part', 'new.txt', 'new');
      await finishTarget(target, true, true);
      expect(readdirSync(target.targetPath)).to.deep.equal(['new.txt']);

      await writeFile(target.partPath, 'file');
      await finishTarget(target, false, true);
      expect(content('thing')).to.equal('file');

      await aFolder('thing.part', 'again.txt', 'again');
      await finishTarget(target, true, true);
      expect(content('thing', 'again.txt')).to.equal('again');
      expect(readdirSync(root)).to.deep.equal(['thing']);
    });

    it('puts the old folder back when the new one cannot take its place', async () => {
      await aFolder('thing', 'old.txt', 'old');

      await rejection('P2P_DISK_FAILED', finishTarget(target, true, true));

      expect(content('thing', 'old.txt')).to.equal('old');
      expect(readdirSync(root)).to.deep.equal(['thing']);
    });

    it('leaves alone what an earlier crash moved aside', async () => {
      await aFolder('thing.replaced-1', 'older.txt', 'older');
      await aFolder('thing', 'old.txt', 'old');
      await aFolder('thing.part', 'new.txt', 'new');

      await finishTarget(target, true, true);

      expect(content('thing.replaced-1', 'older.txt')).to.equal('older');
      expect(readdirSync(root).sort()).to.deep.equal(['thing', 'thing.replaced-1']);
    });

    it('replaces a folder whose name has 255 bytes', async () => {
      const name = 'é'.repeat(127) + 'x';
      const long = downloadTarget(aMetainfo({ name, files: { a: Buffer.alloc(1) } }), root);
      await aFolder(name, 'old.txt', 'old');
      await aFolder(path.basename(long.partPath), 'new.txt', 'new');

      await finishTarget(long, true, true);

      expect(content(name, 'new.txt')).to.equal('new');
      expect(readdirSync(root)).to.have.length(1);
    });

    it('replaces a symbolic link, not what it leads to', async () => {
      await aFolder('elsewhere', 'kept.txt', 'kept');
      await symlink(path.join(root, 'elsewhere'), target.targetPath);
      await aFolder('thing.part', 'new.txt', 'new');

      await finishTarget(target, true, true);

      expect(await entryKind(target.targetPath)).to.equal('folder');
      expect(content('elsewhere', 'kept.txt')).to.equal('kept');
    });
  });

  describe('removeLeftPart', () => {
    it('removes the second name of the complete file', async () => {
      await writeFile(target.targetPath, 'whole');
      await link(target.targetPath, target.partPath);

      await removeLeftPart(target);

      expect(readdirSync(root)).to.deep.equal(['thing']);
    });

    it('keeps a part that is another file', async () => {
      await writeFile(target.targetPath, 'whole');
      await writeFile(target.partPath, 'whole');

      await removeLeftPart(target);

      expect(readdirSync(root).sort()).to.deep.equal(['thing', 'thing.part']);
    });
  });

  describe('createEmptyFiles', () => {
    const empty = Buffer.alloc(0);

    it('makes empty files and no others', async () => {
      const metainfo = aMetainfo({
        files: { 'a/empty 🦀.txt': empty, 'b/full.txt': Buffer.alloc(10), 'c.txt': empty },
      });

      await createEmptyFiles(metainfo, target.partPath);

      expect(readdirSync(target.partPath).sort()).to.deep.equal(['a', 'c.txt']);
      expect(content('thing.part', 'a', 'empty 🦀.txt')).to.equal('');
    });

    it('makes the single file of 0 bytes', async () => {
      await createEmptyFiles(aMetainfo({ content: empty }), target.partPath);

      expect(content('thing.part')).to.equal('');
    });

    it('makes nothing through a symbolic link', async () => {
      await mkdir(path.join(root, 'outside'));
      await mkdir(target.partPath);
      await symlink(path.join(root, 'outside'), path.join(target.partPath, 'a'));

      const metainfo = aMetainfo({ files: { 'a/empty.txt': empty, 'b.txt': Buffer.alloc(10) } });
      await rejection('P2P_PATH_UNSAFE', createEmptyFiles(metainfo, target.partPath));

      expect(readdirSync(path.join(root, 'outside'))).to.deep.equal([]);
    });

    it('does not create the end of a symbolic link', async function () {
      if (!('O_NOFOLLOW' in constants)) this.skip();
      await mkdir(target.partPath);
      await symlink(path.join(root, 'outside.txt'), path.join(target.partPath, 'b.txt'));

      await rejection('P2P_PATH_UNSAFE', createEmptyFiles(aMetainfo({ files: { 'b.txt': empty } }), target.partPath));

      expect(existsSync(path.join(root, 'outside.txt'))).to.equal(false);
    });
  });
});
