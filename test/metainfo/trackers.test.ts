import { expect } from 'chai';
import { isTrackerUrl, MAX_TRACKER_URL_LENGTH, MAX_TRACKERS, usableTiers } from '../../src/metainfo/trackers.js';

describe('trackers', () => {
  it('are http, https and udp URLs with a host', () => {
    for (const url of ['http://a/', 'HTTPS://a.example:1/announce?k=v', 'udp://[::1]:6969']) {
      expect(isTrackerUrl(url), url).to.equal(true);
    }
    for (const url of [
      '',
      'a',
      'http:',
      'http://',
      'http:///x',
      'http://?x',
      'ws://a/',
      'file:///etc',
      'http://a b/',
      'http://a/\n',
      'http://é/',
      'http://a:99999/',
      ' http://a/',
    ]) {
      expect(isTrackerUrl(url), url).to.equal(false);
    }
  });

  it('are not longer than the limit', () => {
    expect(isTrackerUrl('http://a/'.padEnd(MAX_TRACKER_URL_LENGTH, 'x'))).to.equal(true);
    expect(isTrackerUrl('http://a/'.padEnd(MAX_TRACKER_URL_LENGTH + 1, 'x'))).to.equal(false);
  });

  it('keep their tiers, without repeats, unusable ones and empty tiers', () => {
    expect(usableTiers([['http://a/', 'ws://x/'], [], ['http://a/', 'http://b/'], ['http://b/']])).to.deep.equal([
      ['http://a/'],
      ['http://b/'],
    ]);
  });

  it('are no more than the limit in all', () => {
    const urls = Array.from({ length: MAX_TRACKERS + 1 }, (_, at) => `http://t${at}/`);

    expect(usableTiers([urls]).flat()).to.have.length(MAX_TRACKERS);
    expect(usableTiers(urls.map((url) => [url]))).to.have.length(MAX_TRACKERS);
  });
});
