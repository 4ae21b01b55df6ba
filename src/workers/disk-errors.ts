/** What the operating system says about files, as errors that tell a user what to do. */
import { P2pError, StorageError } from '../errors.js';

/** @returns a `StorageError`; our own errors pass through unchanged */
export function describeDiskError(thrown: unknown, action: string, path: string): P2pError {
  if (thrown instanceof P2pError) return thrown;
  const error = thrown as NodeJS.ErrnoException;
  const details = { path, systemCode: error.code };
  switch (error.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new StorageError(
        'P2P_DISK_FULL',
        `the disk is full: cannot ${action} '${path}'; make room and start again`,
        details,
        error,
      );
    case 'ELOOP':
      return new StorageError(
        'P2P_PATH_UNSAFE',
        `'${path}' is a symbolic link: nothing is written through it; remove it first`,
        details,
        error,
      );
    case 'EACCES':
    case 'EPERM':
      return new StorageError('P2P_DISK_FAILED', `no permission to ${action} '${path}'`, details, error);
    case 'EROFS':
      return new StorageError(
        'P2P_DISK_FAILED',
        `cannot ${action} '${path}': its file system is read-only`,
        details,
        error,
      );
    case 'ENOENT':
      return new StorageError(
        'P2P_DISK_FAILED',
        `cannot ${action} '${path}': it is not there, or not any more`,
        details,
        error,
      );
    default:
      return new StorageError('P2P_DISK_FAILED', `cannot ${action} '${path}': ${error.message}`, details, error);
  }
}
