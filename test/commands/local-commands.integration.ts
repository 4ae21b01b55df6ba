/** The commands that need no tracker, as processes: what they write, print and end with. */
import { expect } from 'chai';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { P2pProcess } from '../helpers/p2p-process.js';
import { projectRoot } from '../helpers/project-root.js';
import { testBytes } from '../helpers/test-bytes.js';

describe('Commands without a tracker', function () {
  this.timeout(30_000);
  const folder = mkdtempSync(join(tmpdir(), 'p2p-local-'));
  const data = testBytes(3_000, 7);
  after(() => rmSync(folder, { recursive: true }));

  before(() => {
    writeFileSync(join(folder, 'story.bin'), data);
    mkdirSync(join(folder, 'album', 'empty'), { recursive: true });
    writeFileSync(join(folder, 'album', 'a.bin'), data.subarray(0, 100));
    writeFileSync(join(folder, 'album', 'b.bin'), data.subarray(100, 1_100));
  });

  function start(args: readonly string[], plainText = false): P2pProcess {
    return new P2pProcess(args, { cwd: folder, stateDir: join(folder, 'state'), plainText });
  }

  /** The fields that docs/command-line.md promises for a command's result. */
  function documentedFields(command: string): string[] {
    const page = readFileSync(join(projectRoot, 'docs/command-line.md'), 'utf8');
    const row = page.split('\n').find((line) => line.startsWith(`| \`${command}\``));
    const text = row?.split('|')[2]?.replace(/\([^)]*\)/g, '') ?? '';
    return [...text.matchAll(/`(\w+)`/g)].map(([, field = '']) => field).filter((field) => field !== 'error');
  }

  it('create, show, magnet and verify agree on one file', async () => {
    const created = await start(['create', 'story.bin', '--piece-length', '128', '-i', '10.0.0.1']).result();
    const shown = await start(['show', 'story.bin.torrent']).result();
    const { magnet } = await start(['magnet', 'story.bin.torrent']).result();
    const verified = await start(['verify', 'story.bin.torrent', 'story.bin']).result();

    expect(created).to.include({ path: join(folder, 'story.bin.torrent'), totalBytes: 3_000, pieceCount: 24 });
    for (const field of ['name', 'infoHash', 'blake3InfoHash', 'magnet', 'pieceLengthBytes'] as const) {
      expect(shown[field], field).to.deep.equal(created[field]);
    }
    expect(magnet).to.equal(created['magnet']).and.to.include(encodeURIComponent('http://10.0.0.1:9999/announce'));
    expect(shown['trackerTiers']).to.deep.equal([['http://10.0.0.1:9999/announce']]);
    expect(verified).to.deep.include({ ok: true, badPieces: [], badFiles: [], pieceCount: 24 });
  });

  it('create puts web seeds into the torrent, show and magnet tell of them', async () => {
    const seeds = ['http://10.0.0.1/files/', 'https://b.example/x'];
    const args = ['create', 'story.bin', '-o', 'web.torrent', ...seeds.flatMap((url) => ['--web-seed', url])];
    await start(args).result();

    const shown = await start(['show', 'web.torrent']).result();
    const refused = await start(['create', 'story.bin', '-o', 'no.torrent', '--web-seed', 'ftp://a/']).failure();

    expect(shown['webSeeds']).to.deep.equal(seeds);
    expect(shown['magnet']).to.include(`&ws=${encodeURIComponent(seeds[1] ?? '')}`);
    expect(refused).to.include({ code: 'P2P_OPTION_INVALID', exitCode: 2 });
  });

  for (const [command, args] of [
    ['create', ['create', 'story.bin', '-o', 'documented.torrent']],
    ['show', ['show', 'story.bin.torrent']],
    ['magnet', ['magnet', 'story.bin.torrent']],
    ['verify', ['verify', 'story.bin.torrent', 'story.bin']],
    ['hashes', ['hashes', '--no-measure']],
  ] as const) {
    it(`${command} prints the fields that its documentation names`, async () => {
      const { type: _type, version: _version, readAtMs: _readAtMs, ...fields } = await start(args).result();

      const documented = documentedFields(command);
      expect(documented).not.to.be.empty;
      expect(documented).to.include.members(Object.keys(fields));
    });
  }

  it('magnet prints the link alone, so that it can be piped on', async () => {
    const child = start(['magnet', 'story.bin.torrent'], true);

    expect((await child.exit()).code).to.equal(0);
    expect(child.stdout).to.match(/^magnet:\?xt=urn:btih:[0-9a-f]{40}&\S+\n$/);
  });

  it('a pure torrent carries no SHA-1 and has a btmh link', async () => {
    const created = await start(['create', 'story.bin', '-o', 'pure.torrent', '--hash', 'blake3']).result();

    expect(created['hashes']).to.deep.equal(['blake3']);
    expect(created['magnet']).to.match(/^magnet:\?xt=urn:btmh:1e20[0-9a-f]{64}&/);
  });

  it('verify names each bad piece with its files, and ends with 5', async () => {
    await start(['create', 'album', '--piece-length', '128']).result();
    const damaged = Buffer.from(data.subarray(0, 100));
    damaged[50] = (damaged[50] ?? 0) ^ 1;
    writeFileSync(join(folder, 'album', 'a.bin'), damaged);

    const error = await start(['verify', 'album.torrent', 'album']).failure();
    const people = start(['verify', 'album.torrent', 'album'], true);

    expect(error).to.include({ code: 'P2P_VERIFY_FAILED', exitCode: 5 });
    expect(error.details).to.deep.include({ ok: false });
    expect(error.details['badPieces']).to.have.nested.property('[0].pieceIndex', 0);
    expect((await people.exit()).code).to.equal(5);
    expect(people.stdout).to.match(/^piece 0 is bad; it touches .*a\.bin.*b\.bin$/m);
    expect(people.stderr).to.match(/^Error: 1 of \d+ pieces bad or missing \(0\)/);
  });

  it('hashes lists the built-in algorithms', async () => {
    const { hashes } = await start(['hashes', '--no-measure']).result();

    expect((hashes as { name: string }[]).map(({ name }) => name)).to.include.members(['blake3', 'sha1', 'sha256']);
  });

  it('write nothing but what they were asked to', () => {
    expect(
      readdirSync(folder)
        .filter((name) => name !== 'state')
        .sort(),
    ).to.deep.equal([
      ...[
        'album',
        'album.torrent',
        'documented.torrent',
        'pure.torrent',
        'story.bin',
        'story.bin.torrent',
        'web.torrent',
      ],
    ]);
  });
});
