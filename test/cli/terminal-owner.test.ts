import { expect } from 'chai';
import { parseProcessGroups, parseProcStat } from '../../src/cli/terminal-owner.js';

/** Begins as /proc/PID/stat does. */
const stat = (name: string, group: number, foreground: number): string =>
  `4711 (${name}) S 4242 ${group} 4242 34816 ${foreground} 4194304 9 0 0 0 1 2 0 0 20 0 11 0 123456 1000000 100 0\n`;

describe('parseProcStat', () => {
  it('says that the terminal is ours when our process group is in its foreground', () => {
    expect(parseProcStat(stat('node', 4711, 4711))).to.equal('us');
  });

  it('says that it is of others when another group is', () => {
    expect(parseProcStat(stat('node', 4711, 4242))).to.equal('others');
  });

  it('says that there is none without a controlling terminal', () => {
    expect(parseProcStat(stat('node', 4711, -1))).to.equal('nobody');
  });

  it('is not misled by a name with spaces and parentheses', () => {
    expect(parseProcStat(stat('a) S 1 2 3 4 5 (b', 4711, 4711))).to.equal('us');
    expect(parseProcStat(stat(') R 7 7 7 7 7', 4711, 4242))).to.equal('others');
  });

  it('takes the terminal for ours when nothing can be read', () => {
    expect(parseProcStat('')).to.equal('us');
    expect(parseProcStat('4711 (node) S')).to.equal('us');
  });
});

describe('parseProcessGroups', () => {
  it('reads what ps prints', () => {
    expect(parseProcessGroups('  501   501\n')).to.equal('us');
    expect(parseProcessGroups('  501  4242\n')).to.equal('others');
    expect(parseProcessGroups('  501     0\n')).to.equal('nobody');
    expect(parseProcessGroups('ps: not found')).to.equal('us');
  });
});
