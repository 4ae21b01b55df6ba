import { expect } from 'chai';
import { downloadCommandLine } from '../../src/cli/download-command-line.js';
import { reachableUrl } from '../../src/cli/reachable-url.js';

const target = (fields: { name?: string; trackers?: string[]; published?: boolean; isNameUnique?: boolean }) => ({
  name: 'story.txt',
  magnet: 'magnet:?xt=urn:btih:abc&dn=story.txt',
  trackers: ['http://192.168.1.5:9999/announce'],
  published: true,
  infoHash: 'ef'.repeat(20),
  isNameUnique: true,
  ...fields,
});

describe('downloadCommandLine', () => {
  it('names our own tracker by its host alone', () => {
    expect(downloadCommandLine(target({}))).to.equal('p2p peer download story.txt -i 192.168.1.5');
  });

  it('adds the port when it is not the usual one, and whole URLs when they are not ours', () => {
    const at = (url: string): string => downloadCommandLine(target({ trackers: [url] }));

    expect(at('http://10.0.0.1:7000/announce')).to.equal('p2p peer download story.txt -i 10.0.0.1 -d 7000');
    expect(at('http://10.0.0.1/announce')).to.equal('p2p peer download story.txt -i 10.0.0.1 -d 80');
    expect(at('https://t.example/x/announce')).to.equal(
      'p2p peer download story.txt --tracker https://t.example/x/announce',
    );
  });

  it('quotes names for a shell and guards names that look like another target', () => {
    const name = (text: string): string => downloadCommandLine(target({ name: text }));

    expect(name("it's here.txt")).to.include(`'it'\\''s here.txt'`);
    expect(name('x.torrent')).to.include(' name:x.torrent ');
    expect(name('ab'.repeat(20))).to.include(` name:${'ab'.repeat(20)} `);
    expect(name('-rf')).to.include(' name:-rf ');
  });

  it('uses the info hash when several torrents have the name', () => {
    const command = downloadCommandLine(target({ isNameUnique: false }));

    expect(command).to.equal(`p2p peer download ${'ef'.repeat(20)} -i 192.168.1.5`);
  });

  it('uses the magnet link when no catalogue knows the name', () => {
    expect(downloadCommandLine(target({ published: false }))).to.match(/^p2p peer download 'magnet:/);
  });

  it('names the .torrent file of a private torrent', () => {
    const command = (torrentFile: string): string =>
      downloadCommandLine({ ...target({ published: false }), torrentFile });

    expect(command('/somewhere/private.torrent')).to.equal('p2p peer download private.torrent');
    expect(command('./-x.torrent')).to.equal('p2p peer download ./-x.torrent');
  });
});

describe('reachableUrl', () => {
  it('names this machine as others see it', () => {
    expect(reachableUrl('http://localhost:9999/announce', '192.168.1.5')).to.equal('http://192.168.1.5:9999/announce');
    expect(reachableUrl('udp://localhost:9999/announce', '192.168.1.5')).to.equal('udp://192.168.1.5:9999/announce');
    expect(reachableUrl('http://localhost:9999/announce', 'fd00::5')).to.equal('http://[fd00::5]:9999/announce');
    expect(reachableUrl('http://[::1]:7000/x?y', '192.168.1.5')).to.equal('http://192.168.1.5:7000/x?y');
    expect(reachableUrl('http://127.0.0.1/announce', '192.168.1.5')).to.equal('http://192.168.1.5/announce');
  });

  it('leaves other hosts alone, and everything where there is no network', () => {
    expect(reachableUrl('http://t.example:80/announce', '192.168.1.5')).to.equal('http://t.example:80/announce');
    expect(reachableUrl('not a URL', '192.168.1.5')).to.equal('not a URL');
    expect(reachableUrl('http://localhost:9999/announce', undefined)).to.be.a('string');
  });
});
