import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { COMMANDS } from '../../src/cli/command-map.js';
import { engineConfig } from '../../src/cli/engine-config.js';
import { flagName, OPTIONS, type OptionName } from '../../src/options.js';
import { projectRoot } from '../helpers/project-root.js';

const flagsOf = (command: { readonly flags?: object }): string[] => Object.keys(command.flags ?? {});

describe('The flags', () => {
  it('offer every tunable where peers run, but the port of a DHT node by itself', () => {
    const seed = flagsOf(COMMANDS['peer:seed']);
    const names = (Object.keys(OPTIONS) as OptionName[]).filter((name) => name !== 'dhtPort');

    for (const name of names) expect(seed).to.include(flagName(name).slice(2));
  });

  it('of all commands stand in docs/command-line.md, and it names no others', () => {
    const page = readFileSync(`${projectRoot}docs/command-line.md`, 'utf8');
    const known = new Set(Object.values(COMMANDS).flatMap(flagsOf).concat('json', 'help', 'version'));

    for (const flag of known) expect(page, flag).to.include(`--${flag}`);
    for (const [, flag = ''] of page.matchAll(/`--(?:no-)?([a-z][a-z-]*)/g)) expect([...known], flag).to.include(flag);
  });

  it('reach the engine under its names', async () => {
    const flags = {
      state: '/s',
      port: 0,
      'port-count': 2,
      'upload-limit': 1_024,
      'memory-mib': 32,
      'verify-with': 'SHA1',
    };

    expect(await engineConfig(flags, '/nowhere')).to.deep.equal({
      stateDir: '/s',
      port: 0,
      portIsFixed: true,
      portCount: 2,
      uploadLimitBytesPerSec: 1_024,
      memoryMiB: 32,
      verifyWith: 'sha1',
    });
    expect(await engineConfig({}, '/data')).to.deep.equal({ stateDir: '/data' });
  });
});
