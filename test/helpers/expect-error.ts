/** Errors with codes, in tests. */
import { expect } from 'chai';
import { P2pError, type ErrorCode } from '../../src/errors.js';

/** Runs `action` and expects that it throws one of our errors with `code`; returns it for a look at its message. */
export function expectError(code: ErrorCode, action: () => unknown): P2pError {
  let thrown: unknown;
  try {
    action();
  } catch (error) {
    thrown = error;
  }
  if (!(thrown instanceof P2pError)) throw new Error(`expected ${code}, got ${String(thrown)}`, { cause: thrown });
  expect(thrown.code).to.equal(code);
  return thrown;
}
