import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { projectRoot } from '../helpers/project-root.js';
import { projectFiles } from '../helpers/project-files.js';

interface PackageFile {
  readonly name: string;
  readonly license: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly files: readonly string[];
  readonly engines: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync(`${projectRoot}package.json`, 'utf8')) as PackageFile;

describe('package.json', () => {
  it('names package, binary, licence and the oldest Node', () => {
    expect(manifest).to.deep.include({ name: 'p2p-fileshare', license: 'MIT', bin: { p2p: 'bin/run.js' } });
    expect(manifest.engines).to.deep.equal({ node: '>=20.19' });
    expect(readFileSync(`${projectRoot}LICENSE`, 'utf8')).to.match(/^MIT License/);
  });

  it('ships files that are there, dist being built', () => {
    expect(manifest.files).to.include.members(['bin', 'dist']);
    expect(manifest.files.filter((name) => name !== 'dist' && !existsSync(projectRoot + name))).to.deep.equal([]);
  });

  it('has scripts that start files which are there', () => {
    const started = Object.values(manifest.scripts).flatMap((script) => script.match(/scripts\/[\w-]+\.mjs/g) ?? []);

    expect(started.filter((file) => !existsSync(projectRoot + file))).to.deep.equal([]);
  });
});

describe('files of the project', () => {
  const files = projectFiles();

  it('name no place outside the project', () => {
    // Absolute paths of somebody's machine; /tmp, /proc and /dev are everybody's.
    const foreign = /(^|[\s'"`(=])\/(work|home|root|Users|mnt)\/[\w.-]+/m;
    const guilty = files.filter((file) => foreign.test(readFileSync(projectRoot + file, 'utf8')));

    expect(guilty).to.deep.equal([]);
  });

  it('leave nothing for later in comments', () => {
    const marks = new RegExp(`\\b(${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')}|${['X', 'XX'].join('')})\\b`);
    const guilty = files.filter((file) => marks.test(readFileSync(projectRoot + file, 'utf8')));

    expect(guilty).to.deep.equal([]);
  });

  it('have kebab-case names in src, and no folder of leftovers', () => {
    const sources = files.filter((file) => file.startsWith('src/'));
    const odd = sources.filter((file) => !/^src(\/[a-z0-9]+(-[a-z0-9]+)*)+(\.[a-z]+)+$/.test(file));
    const leftovers = sources.filter((file) => /(^|[/-])(utils?|helpers?|manager|misc|common)([/.-]|$)/.test(file));

    expect({ odd, leftovers }).to.deep.equal({ odd: [], leftovers: [] });
  });
});
