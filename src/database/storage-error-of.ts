/** What went wrong with a database, in our words. */
import Database from 'better-sqlite3';
import { StorageError, type ErrorCode } from '../errors.js';

/**
 * The error as a `StorageError`; what has nothing to do with storage comes back as it is.
 * @param path the database file, for the message
 */
export function storageErrorOf(error: unknown, path: string): unknown {
  if (error instanceof StorageError) return error;
  const reason = reasonOf(error);
  if (!reason) return error;
  return new StorageError(reason.code, `the database ${path} ${reason.text}`, { path, cause: codeOf(error) }, error);
}

function reasonOf(error: unknown): { readonly code: ErrorCode; readonly text: string } | undefined {
  const code = codeOf(error);
  if (error instanceof Database.SqliteError) {
    if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
      return { code: 'P2P_STATE_UNUSABLE', text: 'is locked by another process; end it, or choose another --state' };
    }
    if (code === 'SQLITE_FULL') return { code: 'P2P_DISK_FULL', text: 'has no room left on its disk' };
    if (code.startsWith('SQLITE_IOERR')) return { code: 'P2P_DISK_FAILED', text: `cannot be read or written: ${code}` };
    if (/^SQLITE_(CANTOPEN|READONLY|PERM|AUTH|CORRUPT|NOTADB)/.test(code)) {
      return { code: 'P2P_STATE_UNUSABLE', text: `cannot be used (${error.message}); choose another with --state` };
    }
    return undefined;
  }
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return { code: 'P2P_DISK_FULL', text: 'has no room left on its disk' };
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
    case 'EEXIST':
    case 'EISDIR':
    case 'ENAMETOOLONG':
      return { code: 'P2P_STATE_UNUSABLE', text: `cannot be made or written (${code}); choose another with --state` };
    case 'EIO':
      return { code: 'P2P_DISK_FAILED', text: 'cannot be read or written: EIO' };
    default:
      return undefined;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
