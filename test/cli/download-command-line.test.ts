import { expect } from 'chai';
import { downloadCommandLine } from '../../src/cli/download-command-line.js';

const target = (fields: { name?: string; trackers?: string[]; published?: boolean }) => ({
  name: 'story.txt',
  magnet: 'magnet:?xt=urn:btih:abc&dn=story.txt',
  trackers: ['http://localhost:9999/announce'],
  published: true,
  ...fields,
});

describe('downloadCommandLine', () => {
  it('names a local tracker by the address that others see', () => {
    expect(downloadCommandLine(target({}), '192.168.1.5')).to.equal('p2p peer download story.txt -i 192.168.1.5');
  });

  it('falls back to localhost on a machine without a network', () => {
    expect(downloadCommandLine(target({}), undefined)).to.match(/ -i (localhost|[\d.]+)$/);
  });

  it('adds the port when it is not the usual one, and whole URLs when they are not ours', () => {
    const at = (url: string): string => downloadCommandLine(target({ trackers: [url] }), '192.168.1.5');

    expect(at('http://10.0.0.1:7000/announce')).to.equal('p2p peer download story.txt -i 10.0.0.1 -d 7000');
    expect(at('http://10.0.0.1/announce')).to.equal('p2p peer download story.txt -i 10.0.0.1 -d 80');
    expect(at('https://t.example/x/announce')).to.equal(
      'p2p peer download story.txt --tracker https://t.example/x/announce',
    );
  });

  it('quotes names for a shell and guards names that look like another target', () => {
    const name = (text: string): string => downloadCommandLine(target({ name: text }), '10.0.0.1');

    expect(name("it's here.txt")).to.include(`'it'\\''s here.txt'`);
    expect(name('x.torrent')).to.include(' name:x.torrent ');
    expect(name('ab'.repeat(20))).to.include(` name:${'ab'.repeat(20)} `);
    expect(name('-rf')).to.include(' name:-rf ');
  });

  it('uses the magnet link when no catalogue knows the name', () => {
    expect(downloadCommandLine(target({ published: false }))).to.match(/^p2p peer download 'magnet:/);
  });
});
