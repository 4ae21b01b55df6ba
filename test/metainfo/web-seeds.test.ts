import { expect } from 'chai';
import { decodeBencode } from '../../src/metainfo/bencode.js';
import { BencodeDictionary } from '../../src/metainfo/bencode-dictionary.js';
import { buildMetainfo } from '../../src/metainfo/build-metainfo.js';
import { formatMagnet, parseMagnet } from '../../src/metainfo/magnet.js';
import { parseMetainfo } from '../../src/metainfo/parse-metainfo.js';
import {
  isWebSeedUrl,
  MAX_WEB_SEED_URL_LENGTH,
  MAX_WEB_SEEDS,
  shownWebSeed,
  webSeedPaths,
  webSeedUrl,
} from '../../src/metainfo/web-seeds.js';
import { aFolderTorrent, aMetainfo, aTorrent } from '../helpers/a-torrent.js';

const urls = (list: unknown) => parseMetainfo(aTorrent({}, { 'url-list': list as string })).webSeeds;

describe('url-list', () => {
  it('is one URL or a list of them', () => {
    expect(parseMetainfo(aTorrent()).webSeeds).to.deep.equal([]);
    expect(urls('http://a/f')).to.deep.equal(['http://a/f']);
    expect(urls(['http://a/f', 'https://b:8443/x?y=1'])).to.deep.equal(['http://a/f', 'https://b:8443/x?y=1']);
    expect(urls('')).to.deep.equal([]);
    expect(urls([])).to.deep.equal([]);
  });

  it('has what cannot be used passed over', () => {
    expect(urls(7)).to.deep.equal([]);
    expect(urls({ a: 'http://a/' })).to.deep.equal([]);
    expect(urls(['ftp://a/', 7, ['http://a/'], 'http://b/', 'http://b/', 'b', 'udp://c:1'])).to.deep.equal([
      'http://b/',
    ]);
  });

  it('counts for a hundred at most', () => {
    const many = Array.from({ length: MAX_WEB_SEEDS + 1 }, (_, at) => `http://host${at}/`);

    expect(urls(many)).to.deep.equal(many.slice(0, MAX_WEB_SEEDS));
  });

  it('is written as a list, in its place', () => {
    const { infoBytes } = aMetainfo();
    const bytes = buildMetainfo({ infoBytes, trackerTiers: [], webSeeds: ['http://a/', 'http://b/'] });

    expect(parseMetainfo(bytes).webSeeds).to.deep.equal(['http://a/', 'http://b/']);
    expect(decodeBencode(bytes, { strict: true })).to.be.instanceOf(BencodeDictionary);
    const without = decodeBencode(buildMetainfo({ infoBytes, trackerTiers: [], webSeeds: [] })) as BencodeDictionary;
    expect(without.has('url-list')).to.equal(false);
  });

  it('goes into a magnet link as ws, and out of it', () => {
    const webSeeds = ['http://a/f?x=1&y', 'https://b/é'];

    const link = formatMagnet({ ...aMetainfo(), webSeeds }, { trackers: [] });

    expect(link).to.include('&ws=http%3A%2F%2Fa%2Ff%3Fx%3D1%26y&ws=');
    expect(parseMagnet(link).webSeeds).to.deep.equal(webSeeds);
    expect(parseMagnet(`${link}&ws=ftp%3A%2F%2Fc%2F&ws=http%3A%2F%2Fa%2Ff%3Fx%3D1%26y`).webSeeds).to.deep.equal(
      webSeeds,
    );
  });
});

describe('isWebSeedUrl', () => {
  it('takes http and https with a host', () => {
    for (const url of ['http://a/', 'HTTPS://a.example:1/x?k=v', 'http://[::1]:80/', 'http://é/ü', 'http://u:p@a/']) {
      expect(isWebSeedUrl(url), url).to.equal(true);
    }
    for (const url of [
      '',
      'a',
      'http:',
      'http:///x',
      'ftp://a/',
      'file:///etc',
      'http://a b/',
      'http://a/\n',
      'http://a:99999/',
    ]) {
      expect(isWebSeedUrl(url), url).to.equal(false);
    }
  });

  it('takes no more than the limit', () => {
    expect(isWebSeedUrl('http://a/'.padEnd(MAX_WEB_SEED_URL_LENGTH, 'x'))).to.equal(true);
    expect(isWebSeedUrl('http://a/'.padEnd(MAX_WEB_SEED_URL_LENGTH + 1, 'x'))).to.equal(false);
  });
});

describe('webSeedUrl', () => {
  const url = (base: string, path: string) => webSeedUrl(base, path).href;

  it('is the base itself for one file, unless that is a folder', () => {
    expect(url('http://a/dir/other.bin', 'story.txt')).to.equal('http://a/dir/other.bin');
    expect(url('http://a/dir/', 'story.txt')).to.equal('http://a/dir/story.txt');
    expect(url('http://a', 'story.txt')).to.equal('http://a/story.txt');
    expect(url('http://a/signed?key=a%2Fb', 'story.txt')).to.equal('http://a/signed?key=a%2Fb');
  });

  it('has name and path behind the base of a folder, with or without a slash', () => {
    expect(url('http://a/dir/', 'album/disc%201/x.bin')).to.equal('http://a/dir/album/disc%201/x.bin');
    expect(url('http://a/dir', 'album/x.bin')).to.equal('http://a/dir/album/x.bin');
    expect(url('http://a/dir/?key=1', 'album/x.bin')).to.equal('http://a/dir/album/x.bin?key=1');
  });

  it('has names percent-encoded, as the torrent writes them', () => {
    const files = [
      { path: ['été #1', 'a?b%c&d.txt'], length: 3 },
      { path: ['aux.txt'], length: 4 },
    ];
    const metainfo = parseMetainfo(aFolderTorrent(files, { name: 'con', pieces: new Uint8Array(20) }));

    expect(metainfo.name).not.to.equal('con');
    expect(webSeedPaths(metainfo)).to.deep.equal(['con/%C3%A9t%C3%A9%20%231/a%3Fb%25c%26d.txt', 'con/aux.txt']);
    expect(url('http://a/', webSeedPaths(metainfo)[0] ?? '')).to.equal(
      'http://a/con/%C3%A9t%C3%A9%20%231/a%3Fb%25c%26d.txt',
    );
  });
});

describe('shownWebSeed', () => {
  it('keeps user and password to itself', () => {
    expect(shownWebSeed('http://user:secret@a/x')).to.equal('http://a/x');
    expect(shownWebSeed('http://a')).to.equal('http://a');
  });
});
