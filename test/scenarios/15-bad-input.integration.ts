/** Scenario 15, the person at the keyboard: each mistake gets its exit code, and a message that names what is wrong. */
import { expect } from 'chai';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../helpers/free-port.js';
import { handMadeTorrent } from '../helpers/hand-made-torrent.js';
import { useSwarm } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';
import { TestPeer } from '../helpers/test-peer.js';

interface BadInput {
  readonly title: string;
  /** Words with `{}` stand for paths and URLs that the test fills in. */
  readonly args: string;
  readonly exitCode: number;
  readonly code?: string;
  /** What the message has to contain. */
  readonly says: RegExp;
}

const USAGE = 2;
const NOT_FOUND = 3;
const VERIFICATION = 5;
const NOBODY = 6;
const DISK = 7;

const BAD_INPUTS: readonly BadInput[] = [
  { title: 'an unknown command', args: 'frobnicate', exitCode: USAGE, says: /frobnicate/ },
  { title: 'an unknown command of a topic', args: 'peer sed', exitCode: USAGE, says: /peer sed/ },
  { title: 'an unknown flag', args: 'peer seed {file} --frob', exitCode: USAGE, says: /--frob/ },
  { title: 'a flag without its value', args: 'peer seed {file} --tracker', exitCode: USAGE, says: /--tracker/ },

  { title: 'tracker: a port past the end', args: 'tracker start --port 65536', exitCode: USAGE, says: /65536.*65535/s },
  {
    title: 'tracker: a taken port',
    args: 'tracker start --port {takenPort}',
    exitCode: USAGE,
    code: 'P2P_PORT_TAKEN',
    says: /{takenPort}/,
  },

  {
    title: 'seed: a path that is not there',
    args: 'peer seed {folder}/nothing.txt',
    exitCode: NOT_FOUND,
    code: 'P2P_PATH_NOT_FOUND',
    says: /nothing\.txt/,
  },
  { title: 'seed: no path and no ./input', args: 'peer seed', exitCode: NOT_FOUND, says: /input/ },
  { title: 'seed: a pipe', args: 'peer seed {fifo} -p 0', exitCode: USAGE, says: /fifo/ },
  {
    title: 'seed: a piece past the end',
    args: 'peer seed {file} -p 0 --piece-length 128 --missing 1 8',
    exitCode: USAGE,
    code: 'P2P_PIECE_OUT_OF_RANGE',
    says: /8.*0 to 7/s,
  },
  { title: 'seed: an empty part', args: 'peer seed {file} -p 0 --from 0.6 --to 0.3', exitCode: USAGE, says: /0\.6/ },
  { title: 'seed: a share past 1', args: 'peer seed {file} -p 0 --to 1.5', exitCode: USAGE, says: /1\.5/ },
  { title: 'seed: a share that is no number', args: 'peer seed {file} --to half', exitCode: USAGE, says: /half/ },
  {
    title: 'seed: a piece length that is no power of two',
    args: 'peer seed {file} -p 0 --piece-length 1000',
    exitCode: USAGE,
    says: /1,?000/,
  },
  {
    title: 'seed: a piece length that is too short',
    args: 'peer seed {file} -p 0 --piece-length 64',
    exitCode: USAGE,
    says: /64.*128/s,
  },
  {
    title: 'seed: a piece length that is no size',
    args: 'peer seed {file} --piece-length big',
    exitCode: USAGE,
    says: /big/,
  },
  {
    title: 'seed: an unknown hash',
    args: 'peer seed {file} -p 0 --hash md17',
    exitCode: USAGE,
    code: 'P2P_HASH_UNKNOWN',
    says: /md17.*blake3/s,
  },
  { title: 'seed: a rate that is none', args: 'peer seed {file} --upload-limit fast', exitCode: USAGE, says: /fast/ },
  { title: 'seed: a rate too low', args: 'peer seed {file} --upload-limit 100', exitCode: USAGE, says: /100/ },
  { title: 'seed: a port that is none', args: 'peer seed {file} -p http', exitCode: USAGE, says: /http/ },
  {
    title: 'seed: a taken port',
    args: 'peer seed {file} -p {takenPort}',
    exitCode: USAGE,
    code: 'P2P_PORT_TAKEN',
    says: /{takenPort}/,
  },
  {
    title: 'seed: a tracker URL that is none',
    args: 'peer seed {file} -p 0 --tracker nowhere',
    exitCode: USAGE,
    says: /nowhere/,
  },
  {
    title: 'seed: a tracker URL of another scheme',
    args: 'peer seed {file} -p 0 --tracker file:///etc/passwd',
    exitCode: USAGE,
    says: /file:/,
  },
  {
    title: 'seed: a .torrent that is not there',
    args: 'peer seed {file} -p 0 --torrent {folder}/no.torrent',
    exitCode: NOT_FOUND,
    says: /no\.torrent/,
  },
  {
    title: 'seed: a .torrent that is none',
    args: 'peer seed {file} -p 0 --torrent {garbage}',
    exitCode: VERIFICATION,
    says: /garbage\.torrent/,
  },
  {
    title: 'seed: a plugin that is not there',
    args: 'peer seed {file} -p 0 --hash-plugin ./no-plugin.js',
    exitCode: USAGE,
    code: 'P2P_PLUGIN_INVALID',
    says: /no-plugin/,
  },
  {
    title: 'seed: a state folder that is a file',
    args: 'peer seed {file} -p 0 --state {file}',
    exitCode: DISK,
    says: /file\.bin/,
  },

  { title: 'download: no target', args: 'peer download', exitCode: USAGE, says: /target/i },
  {
    title: 'download: a .torrent that is not there, without a tracker',
    args: 'peer download {folder}/no.torrent -p 0 -d 1',
    exitCode: NOT_FOUND,
    code: 'P2P_TARGET_NOT_FOUND',
    says: /no file .*no\.torrent/,
  },
  {
    title: 'download: a name that the tracker does not know',
    args: 'peer download nosuch.bin -p 0 --tracker {tracker}',
    exitCode: NOT_FOUND,
    code: 'P2P_TARGET_NOT_FOUND',
    says: /nosuch\.bin/,
  },
  {
    title: 'download: an info hash that the tracker does not know',
    args: 'peer download 0123456789abcdef0123456789abcdef01234567 -p 0 --tracker {tracker}',
    exitCode: NOT_FOUND,
    code: 'P2P_TARGET_NOT_FOUND',
    says: /0123456789abcdef/,
  },
  {
    title: 'download: a tracker that nobody runs',
    args: 'peer download story.txt -p 0 --tracker http://127.0.0.1:{deadPort}/announce',
    exitCode: NOBODY,
    code: 'P2P_TRACKER_UNREACHABLE',
    says: /127\.0\.0\.1:{deadPort}/,
  },
  {
    title: 'download: a magnet link that is none',
    args: 'peer download magnet:?xt=urn:btih:xyz -p 0',
    exitCode: USAGE,
    code: 'P2P_MAGNET_INVALID',
    says: /xyz/,
  },
  {
    title: 'download: a .torrent that is none',
    args: 'peer download {garbage} -p 0',
    exitCode: VERIFICATION,
    says: /garbage\.torrent/,
  },
  { title: 'download: a time that is none', args: 'peer download x --timeout soon', exitCode: USAGE, says: /soon/ },
  { title: 'download: a time of zero', args: 'peer download x --timeout 0', exitCode: USAGE, says: /\b0\b/ },
  { title: 'download: a rate that is none', args: 'peer download x --download-limit 5Q', exitCode: USAGE, says: /5Q/ },
  {
    title: 'download: a file as the output folder',
    args: 'peer download {torrent} -o {file} -p 0 --timeout 1s',
    exitCode: DISK,
    says: /file\.bin/,
  },
  {
    title: 'download: an unknown hash to verify with',
    args: 'peer download {torrent} -p 0 --verify-with md17',
    exitCode: USAGE,
    code: 'P2P_HASH_UNKNOWN',
    says: /md17/,
  },
  {
    title: 'list: a tracker that nobody runs',
    args: 'list --tracker http://127.0.0.1:{deadPort}/announce',
    exitCode: NOBODY,
    says: /{deadPort}/,
  },
  {
    title: 'create: a path that is not there',
    args: 'create {folder}/nothing.txt',
    exitCode: NOT_FOUND,
    says: /nothing\.txt/,
  },
  { title: 'create: a piece length of 3', args: 'create {file} --piece-length 3', exitCode: USAGE, says: /\b3\b/ },
  { title: 'show: a .torrent that is none', args: 'show {garbage}', exitCode: VERIFICATION, says: /garbage\.torrent/ },
  {
    title: 'magnet: a .torrent that is none',
    args: 'magnet {garbage}',
    exitCode: VERIFICATION,
    says: /garbage\.torrent/,
  },
  {
    title: 'verify: a path that is not there',
    args: 'verify {torrent} {folder}/nothing.bin',
    exitCode: NOT_FOUND,
    says: /nothing\.bin/,
  },
  {
    title: 'verify: other data',
    args: 'verify {torrent} {other}',
    exitCode: VERIFICATION,
    code: 'P2P_VERIFY_FAILED',
    says: /piece/,
  },
  {
    title: 'plugins install: a folder that is not there',
    args: 'plugins install ./no-such-plugin',
    exitCode: NOT_FOUND,
    says: /no-such-plugin/,
  },
];

describe('Scenario 15: bad input for each command', function () {
  this.timeout(30_000);
  const swarm = useSwarm();
  const places = new Map<string, string>();
  let taken: Server;

  before(async () => {
    await swarm.startTracker();
    const folder = swarm.folder('input');
    const data = testBytes(1_000, 1);
    writeFileSync(join(folder, 'file.bin'), data);
    writeFileSync(join(folder, 'other.bin'), testBytes(1_000, 2));
    writeFileSync(join(folder, 'garbage.torrent'), 'this is no torrent');
    const torrent = handMadeTorrent({ name: 'file.bin', data, pieceLength: 128, announce: swarm.tracker.url });
    writeFileSync(join(folder, 'file.torrent'), torrent.bytes);
    spawnSync('mkfifo', [join(folder, 'fifo')]);
    taken = createServer();
    await new Promise<void>((resolve) => {
      taken.listen(0, () => resolve());
    });
    const address = taken.address();
    places.set('folder', folder).set('file', join(folder, 'file.bin')).set('other', join(folder, 'other.bin'));
    places.set('garbage', join(folder, 'garbage.torrent')).set('torrent', join(folder, 'file.torrent'));
    places.set('fifo', join(folder, 'fifo')).set('tracker', swarm.tracker.url);
    places.set('takenPort', typeof address === 'object' && address ? String(address.port) : '');
    places.set('deadPort', String(await freePort()));
  });

  after(() => {
    taken.close();
  });

  for (const { title, args, exitCode, code, says } of BAD_INPUTS) {
    it(title, async () => {
      const cwd = swarm.folder('process');
      const child = swarm.start(args.split(' ').map(filled), { cwd });

      const error = await child.failure();

      expect(error.exitCode, error.message).to.equal(exitCode);
      if (code !== undefined) expect(error.code).to.equal(code);
      expect(error.message).to.match(new RegExp(filled(says.source), says.flags));
      expect(error.message, 'no stack, no path of our own').not.to.match(/node_modules|\n\s+at /);
      expect(readdirSync(cwd).filter((name) => name !== 'state' && name !== 'output')).to.deep.equal([]);
    });
  }

  it('says errors on stderr alone without --json', async () => {
    const child = swarm.start(['peer', 'seed', join(filled('{folder}'), 'nothing.txt')], { plainText: true });

    expect(await child.exit()).to.deep.equal({ code: NOT_FOUND, signal: null });
    expect(child.stdout).to.equal('');
    expect(child.stderr).to.include('nothing.txt');
    expect(child.stderr).not.to.match(/\n\s+at /);
  });

  it('suggests the command that was meant', async () => {
    const child = swarm.start(['peer', 'sed'], { plainText: true });

    expect(await child.exit()).to.deep.equal({ code: USAGE, signal: null });
    expect(child.stderr).to.match(/peer seed/);
  });

  it('does not replace a .torrent that create finds in its way', async () => {
    const path = swarm.file('mine.torrent', 'precious');

    const error = await swarm.start(['create', filled('{file}'), '-o', path]).failure();

    expect(error.exitCode).to.equal(DISK);
    expect(readFileSync(path, 'utf8')).to.equal('precious');
  });

  function filled(text: string): string {
    return text.replaceAll(/\{(\w+)\}/g, (_, name: string) => places.get(name) ?? name);
  }
});

describe('Scenario 15: a target that is there already', function () {
  this.timeout(30_000);
  const swarm = useSwarm();
  const data = testBytes(5_000, 3);

  before(async () => {
    await swarm.startTracker();
    await swarm.seed(swarm.file('thing.bin', data), ['--piece-length', '128']);
  });

  it('is refused and left alone when it is another one, --force replaces it', async () => {
    const outputDir = swarm.folder('output');
    writeFileSync(join(outputDir, 'thing.bin'), 'precious');

    const error = await swarm.download('thing.bin', [], { outputDir }).process.failure();

    expect(error).to.include({ code: 'P2P_TARGET_EXISTS', exitCode: DISK });
    expect(error.message).to.include('--force').and.to.include('thing.bin');
    expect(readFileSync(join(outputDir, 'thing.bin'), 'utf8')).to.equal('precious');
    expect(readdirSync(outputDir)).to.deep.equal(['thing.bin']);

    await swarm.download('thing.bin', ['--force'], { outputDir }).completed();
    expect(readFileSync(join(outputDir, 'thing.bin')).equals(data)).to.equal(true);
  });

  it('is also refused when it has the right size and one wrong byte', async () => {
    const outputDir = swarm.folder('output');
    const almost = Buffer.from(data);
    almost.writeUInt8(almost.readUInt8(4_000) ^ 1, 4_000);
    writeFileSync(join(outputDir, 'thing.bin'), almost);

    const error = await swarm.download('thing.bin', [], { outputDir }).process.failure();

    expect(error).to.include({ code: 'P2P_TARGET_EXISTS', exitCode: DISK });
    expect(readFileSync(join(outputDir, 'thing.bin')).equals(almost)).to.equal(true);
  });

  it('is verified and done when it is the right one', async () => {
    const outputDir = swarm.folder('output');
    writeFileSync(join(outputDir, 'thing.bin'), data);

    const summary = await swarm.download('thing.bin', [], { outputDir }).completed();

    expect(summary.downTotalBytes).to.equal(0);
    expect(readdirSync(outputDir)).to.deep.equal(['thing.bin']);
  });

  it('is refused when it is a folder', async () => {
    const outputDir = swarm.folder('output');
    mkdirSync(join(outputDir, 'thing.bin'));
    writeFileSync(join(outputDir, 'thing.bin', 'precious'), 'x');

    const error = await swarm.download('thing.bin', [], { outputDir }).process.failure();

    expect(error.exitCode).to.equal(DISK);
    expect(existsSync(join(outputDir, 'thing.bin', 'precious'))).to.equal(true);
  });

  it('is refused when its .part is of another torrent', async () => {
    const outputDir = swarm.folder('output');
    const stateDir = swarm.folder('state');
    const otherData = testBytes(9_000, 4);
    const other = handMadeTorrent({
      name: 'thing.bin',
      data: otherData,
      pieceLength: 128,
      announce: swarm.tracker.url,
    });
    const owns = (index: number): boolean => index < 10;
    const half = await new TestPeer({ infoHash: other.infoHash, data: otherData, pieceLength: 128, owns }).listen();
    swarm.onClose(() => half.close());
    await half.announce(swarm.tracker.url);
    const torrent = swarm.file('other.torrent', other.bytes);
    const first = swarm.download(torrent, ['--timeout', '1s'], { outputDir, stateDir });
    expect((await first.process.failure()).exitCode).to.equal(4);
    const before = readFileSync(join(outputDir, 'thing.bin.part'));

    const error = await swarm.download('thing.bin', [], { outputDir, stateDir }).process.failure();

    expect(error).to.include({ code: 'P2P_PART_OF_ANOTHER_TORRENT', exitCode: DISK });
    expect(readFileSync(join(outputDir, 'thing.bin.part')).equals(before)).to.equal(true);
    expect(existsSync(join(outputDir, 'thing.bin'))).to.equal(false);
  });
});

describe('Scenario 15: a name with several torrents', function () {
  this.timeout(30_000);
  const swarm = useSwarm();

  it('is ambiguous: exit code 3, with hash and size of each; the info hash tells them apart', async () => {
    await swarm.startTracker();
    const one = await swarm.seed(swarm.file('twin.bin', testBytes(3_000, 5)), ['--piece-length', '128']);
    const two = await swarm.seed(swarm.file('twin.bin', testBytes(4_000, 6)), ['--piece-length', '128']);

    const error = await swarm.download('twin.bin').process.failure();

    expect(error).to.include({ code: 'P2P_TARGET_AMBIGUOUS', exitCode: NOT_FOUND });
    expect(error.message).to.include(one.only.infoHash).and.to.include(two.only.infoHash);
    expect(
      two.process
        .all('note')
        .map((line) => line.message)
        .join('\n'),
      'the second is told',
    ).to.include('twin.bin');

    const download = swarm.download(one.only.infoHash);
    await download.completed();
    expect(readFileSync(download.path('twin.bin')).equals(testBytes(3_000, 5))).to.equal(true);
  });
});
