import { expect } from 'chai';
import { toFailure } from '../../src/cli/failure.js';
import { Interrupted } from '../../src/cli/stop-signal.js';
import { ERRORS, OptionError, P2pError, type ErrorCode } from '../../src/errors.js';

/** As oclif throws them: `parse` carries its whole configuration. */
function oclifError(message: string, fields: object): Error {
  return Object.assign(new Error(`${message}\nSee more help with --help`), { oclif: { exit: 2 } }, fields);
}

describe('toFailure', () => {
  it('gives every code its exit code', () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      expect(toFailure(new P2pError(code, 'x'), '')).to.include({ code, exitCode: ERRORS[code].exitCode });
    }
  });

  it('words unknown flags, with the one that was meant', () => {
    const parse = { input: { flags: { help: {}, port: {} } } };

    const failure = toFailure(oclifError('Nonexistent flag: --hepl', { flags: ['--hepl'], parse }), 'peer seed');

    expect(failure).to.include({ code: 'P2P_USAGE', exitCode: 2 });
    expect(failure?.message).to.equal('there is no flag --hepl. Did you mean --help?');
    expect(failure?.advice).to.include('p2p peer seed --help');
    expect(JSON.stringify(failure)).not.to.include('input');
  });

  it('words missing and unexpected words', () => {
    const missing = oclifError('Missing 1 required arg', { args: [{ name: 'target' }], parse: {} });
    const unexpected = oclifError('Unexpected argument: x', { args: ['x\u001b'], parse: {} });

    expect(toFailure(missing, 'show')?.message).to.equal('TARGET is missing');
    expect(toFailure(unexpected, 'list')?.message).to.equal("unexpected word 'x\\x1b'");
  });

  it('strips the frame that oclif puts around a message of ours', () => {
    const error = new OptionError("'x' is not a size");
    error.message = `Parsing --piece-length \n\t${error.message}\nSee more help with --help`;

    expect(toFailure(error, 'create')?.message).to.equal("--piece-length: 'x' is not a size");
  });

  it('takes everything else for a bug, whose stack is kept apart', () => {
    const failure = toFailure(new TypeError('x is not a function'), 'list');

    expect(failure).to.include({ code: 'P2P_BUG', exitCode: 1, message: 'TypeError: x is not a function' });
    expect(failure?.stack).to.include('failure.test');
  });

  it('gives a stopped download the exit code of its signal', () => {
    const details = (stoppedBy: string): object => ({ stoppedBy });

    expect(toFailure(new P2pError('P2P_INCOMPLETE', 'x', { ...details('SIGINT') }), '')?.exitCode).to.equal(130);
    expect(toFailure(new P2pError('P2P_TARGET_NOT_FOUND', 'x', { ...details('exit') }), '')?.exitCode).to.equal(4);
    expect(toFailure(new P2pError('P2P_INCOMPLETE', 'x', { ...details('SIGTERM') }), '')?.exitCode).to.equal(143);
    expect(toFailure(new Interrupted('SIGTERM'), '')?.exitCode).to.equal(143);
  });

  it('says nothing when nobody reads, or oclif only wants to end', () => {
    expect(toFailure(new Interrupted('closed-pipe'), '')).to.equal(undefined);
    expect(toFailure(Object.assign(new Error('EEXIT: 0'), { code: 'EEXIT', oclif: { exit: 0 } }), '')).to.equal(
      undefined,
    );
  });
});
