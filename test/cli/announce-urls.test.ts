import { expect } from 'chai';
import { announceUrl, announceUrls } from '../../src/cli/announce-urls.js';

const flags = (host?: string, port?: number, tracker?: string[]) => ({
  'tracker-host': host,
  'tracker-port': port,
  tracker,
});

describe('announceUrls', () => {
  it('is empty when nothing is named', () => {
    expect(announceUrls(flags())).to.deep.equal([]);
  });

  it('builds the URL of our own tracker from host and port', () => {
    expect(announceUrls(flags('192.168.1.5'))).to.deep.equal(['http://192.168.1.5:9999/announce']);
    expect(announceUrls(flags(undefined, 7000))).to.deep.equal(['http://localhost:7000/announce']);
    expect(announceUrls(flags('fe80::1', 7000))).to.deep.equal(['http://[fe80::1]:7000/announce']);
  });

  it('puts the host before other trackers, without repeats', () => {
    const other = 'https://tracker.example/announce';

    expect(announceUrls(flags('h', undefined, [other, other]))).to.deep.equal(['http://h:9999/announce', other]);
  });

  it('refuses what is no URL or of another scheme', () => {
    for (const url of ['nowhere', 'file:///etc/passwd', 'ftp://x/y', '']) {
      expect(() => announceUrls(flags(undefined, undefined, [url]))).to.throw(/--tracker/);
    }
  });

  it('refuses a host that is none, and says where port and URL go', () => {
    for (const host of ['http://x', 'x:99', 'a b', 'a/b', '']) {
      expect(() => announceUrl(host, 9999), host).to.throw(/-i '.*' is not a host/);
    }
  });
});
