/** Scenario 15, what a stranger may write into a .torrent: refused with its exit code, and nothing lands outside. */
import { expect } from 'chai';
import { lstatSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { handMadeTorrent, type HandMadeTorrentOptions } from '../helpers/hand-made-torrent.js';
import { bencode, type BencodeInput } from '../helpers/naive-bencode.js';
import { useSwarm } from '../helpers/swarm-fixture.js';
import { testBytes } from '../helpers/test-bytes.js';
import { TestPeer } from '../helpers/test-peer.js';

const DATA = testBytes(1_000, 15);
const PIECE_LENGTH = 128;
const MIB = 1024 * 1024;

const REFUSED: readonly { title: string; bytes: () => Buffer; code?: string; says?: RegExp }[] = [
  { title: 'lists nested 20,000 deep', bytes: () => Buffer.from('l'.repeat(20_000)), code: 'P2P_BENCODE_INVALID' },
  {
    title: 'dictionaries nested 20,000 deep in the info',
    bytes: () => Buffer.from(`d4:info${'d1:a'.repeat(20_000)}`),
    code: 'P2P_BENCODE_INVALID',
  },
  {
    title: 'a string of 2^53 bytes',
    bytes: () => Buffer.from('d4:info9007199254740993:x'),
    code: 'P2P_BENCODE_INVALID',
  },
  {
    title: 'an integer of 400 digits',
    bytes: () => Buffer.from(`d4:infoi${'9'.repeat(400)}ee`),
    code: 'P2P_BENCODE_INVALID',
  },
  { title: 'nothing at all', bytes: () => Buffer.alloc(0) },
  { title: 'no info', bytes: () => bencode({ announce: 'http://127.0.0.1:1/announce' }) },
  { title: 'one byte too many bytes', bytes: () => Buffer.concat([torrent(), Buffer.from('e')]) },
  {
    title: 'more than 16 MiB',
    bytes: () => torrent({ info: { comment: 'x'.repeat(16 * MIB) } }),
    code: 'P2P_METAINFO_TOO_LARGE',
    says: /16/,
  },
  { title: 'a piece length of 0', bytes: () => torrent({ info: { 'piece length': 0 } }), says: /piece length/i },
  { title: 'a negative piece length', bytes: () => torrent({ info: { 'piece length': -128 } }), says: /piece length/i },
  {
    title: 'a piece length past 128 MiB',
    bytes: () => torrent({ info: { 'piece length': 256 * MIB } }),
    says: /piece length/i,
  },
  { title: 'a negative length', bytes: () => torrent({ info: { length: -1 } }) },
  { title: 'a length of 2^62', bytes: () => withRawLength('4611686018427387904') },
  { title: 'a length that does not fit the pieces', bytes: () => torrent({ info: { length: 5_000 } }), says: /pieces/ },
  { title: 'digests cut short', bytes: () => torrent({ info: { pieces: Buffer.alloc(159) } }), says: /159/ },
  { title: 'neither length nor files', bytes: () => torrent({ without: ['length'] }) },
  { title: 'no digests', bytes: () => torrent({ without: ['pieces'] }) },
  {
    title: 'only hashes that nobody here knows',
    bytes: () => torrent({ without: ['pieces'], info: { 'piece hashes': { tiger192: Buffer.alloc(8 * 24) } } }),
    code: 'P2P_METAINFO_UNKNOWN_HASHES',
    says: /tiger192/,
  },
  {
    title: 'version 2 alone',
    bytes: () => torrent({ without: ['pieces', 'length'], info: { 'meta version': 2, 'file tree': {} } }),
    code: 'P2P_METAINFO_V2_ONLY',
  },
];

/** Names that must never lead out. To refuse them is as good as to rewrite them. */
const NAMES: readonly string[] = [
  '..',
  '.',
  '',
  '../escaped',
  '/tmp/escaped',
  '..\\escaped',
  'a\0b',
  'C:\\escaped',
  'con',
];
const PATHS: readonly (readonly string[])[] = [
  ['..', 'escaped'],
  ['..', '..', '..', 'escaped'],
  ['/escaped'],
  ['sub/../../../escaped'],
  [''],
  [],
  ['a\0b'],
  ['..\\..\\escaped'],
  ['x'.repeat(5_000)],
];

describe('Scenario 15: hostile torrents', function () {
  this.timeout(30_000);
  const swarm = useSwarm();

  for (const { title, bytes, code, says } of REFUSED) {
    it(`refuses ${title}`, async () => {
      const path = swarm.file('evil.torrent', bytes());

      const error = await swarm.download(path).process.failure();

      expect(error.exitCode, error.message).to.equal(5);
      if (code === undefined) expect(error.code).to.match(/^P2P_(METAINFO|BENCODE)_/);
      else expect(error.code).to.equal(code);
      if (says) expect(error.message).to.match(says);
    });
  }

  for (const name of NAMES) {
    it(`writes nothing outside for a file named ${JSON.stringify(name)}`, async () => {
      await downloadsWithin({ name, data: DATA, pieceLength: PIECE_LENGTH });
    });
  }

  for (const path of PATHS) {
    const shown = JSON.stringify(path);
    it(`writes nothing outside for a path of ${shown.length > 60 ? '5,000 letters' : shown}`, async () => {
      const files = [{ path, length: DATA.length }];
      await downloadsWithin({ name: 'folder', data: DATA, pieceLength: PIECE_LENGTH, files });
    });
  }

  for (const { title, paths } of [
    { title: 'the same path', paths: [['a.txt'], ['a.txt']] },
    { title: 'a path that is also a folder', paths: [['a'], ['a', 'b']] },
    { title: 'names that differ only in case', paths: [['Read'], ['read']] },
  ]) {
    it(`keeps two files apart that have ${title}`, async () => {
      const { outputDir } = anOutput();
      const files = paths.map((path) => ({ path, length: DATA.length / 2 }));

      const code = await downloadFromPeer({ name: 'folder', data: DATA, pieceLength: PIECE_LENGTH, files }, outputDir);

      expect(code).to.equal(0);
      const entries = readdirSync(join(outputDir, 'folder'), { recursive: true, withFileTypes: true });
      const contents = entries
        .filter((entry) => entry.isFile())
        .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
      expect(contents).to.have.length(2);
      expect(contents.some((bytes) => bytes.equals(DATA.subarray(0, 500)))).to.equal(true);
      expect(contents.some((bytes) => bytes.equals(DATA.subarray(500)))).to.equal(true);
    });
  }

  it('does not write through a symlink that lies where the .part would be', async () => {
    const { base, outputDir } = anOutput();
    writeFileSync(join(base, 'precious'), 'precious');
    symlinkSync(join(base, 'precious'), join(outputDir, 'x.bin.part'));

    const code = await downloadFromPeer({ name: 'x.bin', data: DATA, pieceLength: PIECE_LENGTH }, outputDir);

    expect(code).to.be.oneOf([0, 5, 7]);
    expect(readFileSync(join(base, 'precious'), 'utf8')).to.equal('precious');
  });

  it('does not write through a symlink inside the folder that it fills', async () => {
    const { base, outputDir } = anOutput();
    mkdirSync(join(base, 'elsewhere'));
    mkdirSync(join(outputDir, 'folder.part'));
    symlinkSync(join(base, 'elsewhere'), join(outputDir, 'folder.part', 'sub'));
    const files = [{ path: ['sub', 'a.bin'], length: DATA.length }];

    const code = await downloadFromPeer({ name: 'folder', data: DATA, pieceLength: PIECE_LENGTH, files }, outputDir);

    expect(code).to.be.oneOf([5, 7]);
    expect(readdirSync(join(base, 'elsewhere'))).to.deep.equal([]);
  });

  it('does not fill a symlink that has the name of the target', async () => {
    const { base, outputDir } = anOutput();
    mkdirSync(join(base, 'elsewhere'));
    symlinkSync(join(base, 'elsewhere'), join(outputDir, 'folder'));
    const files = [{ path: ['a.bin'], length: DATA.length }];

    const code = await downloadFromPeer({ name: 'folder', data: DATA, pieceLength: PIECE_LENGTH, files }, outputDir);

    expect(code).to.be.oneOf([5, 7]);
    expect(readdirSync(join(base, 'elsewhere'))).to.deep.equal([]);
    expect(lstatSync(join(outputDir, 'folder')).isSymbolicLink()).to.equal(true);
  });

  it('shows a name with escape codes harmlessly', async () => {
    const evil = 'red\u001b[31m\u009b31m\u0007.txt';
    const path = swarm.file('evil.torrent', torrent({ name: evil }));

    const shown = swarm.start(['show', path], { plainText: true });
    const { code } = await shown.exit();

    expect(code).to.be.oneOf([0, 5]);
    expect(shown.stdout + shown.stderr).not.to.match(/[\u0007\u001b\u009b]/);
  });

  it('announces to http, https and udp alone', async () => {
    const path = swarm.file('evil.torrent', torrent({ announce: 'file:///etc/passwd' }));

    const error = await swarm.download(path, ['--timeout', '1s'], { trackers: [] }).process.failure();

    expect(error.exitCode, error.message).to.be.oneOf([4, 5, 6]);
  });

  /** A folder with an output folder far below, so that ways out of it can be seen. */
  function anOutput(): { base: string; outputDir: string } {
    const base = swarm.folder('base');
    const outputDir = join(base, 'a', 'b', 'output');
    mkdirSync(outputDir, { recursive: true });
    return { base, outputDir };
  }

  async function downloadsWithin(options: HandMadeTorrentOptions): Promise<void> {
    const { base, outputDir } = anOutput();

    const code = await downloadFromPeer(options, outputDir);

    expect(code).to.be.oneOf([0, 5, 7]);
    const written = (readdirSync(base, { recursive: true }) as string[]).filter(
      (path) => !path.startsWith('a/b/output'),
    );
    expect(written.sort()).to.deep.equal(['a', 'a/b']);
    if (code === 5) expect(readdirSync(outputDir)).to.deep.equal([]);
  }

  /** Downloads a hand-made torrent of which an honest peer has all. @returns the exit code */
  async function downloadFromPeer(options: HandMadeTorrentOptions, outputDir: string): Promise<number | null> {
    const made = handMadeTorrent({ ...options });
    const { data, pieceLength } = options;
    const peer = await new TestPeer({ infoHash: made.infoHash, data, pieceLength }).listen();
    try {
      const tracker = await trackerUrl();
      await peer.announce(tracker);
      const path = swarm.file('evil.torrent', made.bytes);
      const flags = ['--timeout', '3s'];
      return (await swarm.download(path, flags, { outputDir, trackers: [tracker] }).process.exit()).code;
    } finally {
      await peer.close();
    }
  }

  let trackerStart: Promise<string> | undefined;
  function trackerUrl(): Promise<string> {
    trackerStart ??= swarm.startTracker().then(({ url }) => url);
    return trackerStart;
  }
});

function torrent(changes: Partial<HandMadeTorrentOptions> = {}): Buffer {
  return handMadeTorrent({ name: 'x.bin', data: DATA, pieceLength: PIECE_LENGTH, ...changes }).bytes;
}

/** A number that JavaScript cannot hold, put into the finished bytes. */
function withRawLength(digits: string): Buffer {
  const info: Record<string, BencodeInput> = { length: 1_000 };
  return Buffer.from(torrent({ info }).toString('latin1').replace('i1000e', `i${digits}e`), 'latin1');
}
