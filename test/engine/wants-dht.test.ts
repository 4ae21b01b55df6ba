import { expect } from 'chai';

import { isLocalTracker, wantsDht } from '../../src/engine/wants-dht.js';

const PUBLIC = 'udp://tracker.example.org:6969/announce';

describe('wantsDht', () => {
  it('is what the user says, but never for a private torrent', () => {
    expect([wantsDht(true, false, []), wantsDht(false, false, [PUBLIC])]).to.deep.equal([true, false]);
    expect([wantsDht(true, true, [PUBLIC]), wantsDht(undefined, true, [PUBLIC])]).to.deep.equal([false, false]);
  });

  it('is, without a word, for torrents whose trackers are all outside the local network', () => {
    expect(wantsDht(undefined, false, [PUBLIC])).to.equal(true);
    expect(wantsDht(undefined, false, [PUBLIC, 'http://10.0.0.1:9999/announce'])).to.equal(false);
    expect(wantsDht(undefined, false, ['http://localhost:9999/announce'])).to.equal(false);
    expect(wantsDht(undefined, false, [])).to.equal(false);
  });

  it('knows a local tracker by its host', () => {
    const local = [
      'localhost:9',
      'nas',
      'NAS.local',
      'a.home.arpa',
      '192.168.1.5:1',
      '127.0.0.1',
      '[::1]:9',
      '[fd00::1]',
    ];
    const others = ['example.org', 'local.example.org', '198.51.100.1:80', '[2001:db8::1]:9'];

    for (const host of local) expect(isLocalTracker(`http://${host}/announce`), host).to.equal(true);
    for (const host of local) expect(isLocalTracker(`udp://${host}/announce`), host).to.equal(true);
    for (const host of others) expect(isLocalTracker(`http://${host}/announce`), host).to.equal(false);
  });
});
