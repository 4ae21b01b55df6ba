/** What a recorded process did to a folder, in order: the records of `recorder.c`, read and checked. */

/** A file or folder, however it is called: the number of its inode while it exists. */
export type Inode = number;

/** Paths are relative to the recorded folder, which is `''` itself. */
export type DiskEvent =
  | { readonly type: 'create'; readonly kind: 'file' | 'folder'; readonly inode: Inode; readonly path: string }
  | { readonly type: 'write'; readonly inode: Inode; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly type: 'truncate'; readonly inode: Inode; readonly sizeBytes: number }
  /** Keeps what was written before; `end` with the same number says that it is kept. */
  | { readonly type: 'sync-begin'; readonly inode: Inode; readonly sync: string }
  | { readonly type: 'sync-end'; readonly inode: Inode; readonly sync: string; readonly ok: boolean }
  | { readonly type: 'link'; readonly from: string; readonly to: string }
  | { readonly type: 'rename'; readonly from: string; readonly to: string }
  /** A name goes, of a file or of an empty folder. */
  | { readonly type: 'unlink'; readonly path: string }
  /** Something that the process printed on stdout. */
  | { readonly type: 'mark'; readonly text: string };

const HEAD_BYTES = 29;

/**
 * Reads the records of one process.
 * @param log what the recorder wrote; a record that was cut off by SIGKILL ends it
 * @param run names the process among several with one folder
 * @throws when the process did what cannot be recorded
 */
export function parseDiskLog(log: Buffer, root: string, run: number): DiskEvent[] {
  const events: DiskEvent[] = [];
  const below = (path: string): string => path.slice(root.length + 1);
  for (let at = 0; at + HEAD_BYTES <= log.length;) {
    const type = String.fromCharCode(log.readUInt8(at));
    const inode = Number(log.readBigUInt64LE(at + 1));
    const number = Number(log.readBigUInt64LE(at + 9));
    const pathEnd = at + HEAD_BYTES + log.readUInt32LE(at + 17);
    const otherEnd = pathEnd + log.readUInt32LE(at + 21);
    const end = otherEnd + log.readUInt32LE(at + 25);
    if (end > log.length) break;
    const path = log.toString('utf8', at + HEAD_BYTES, pathEnd);
    const other = log.toString('utf8', pathEnd, otherEnd);
    const bytes = log.subarray(otherEnd, end);
    at = end;
    const sync = `${run}/${number}`;
    switch (type) {
      case 'O':
        events.push({ type: 'create', kind: 'file', inode, path: below(path) });
        break;
      case 'D':
        events.push({ type: 'create', kind: 'folder', inode, path: below(path) });
        break;
      case 'W':
        events.push({ type: 'write', inode, offset: number, bytes });
        break;
      case 'T':
        events.push({ type: 'truncate', inode, sizeBytes: number });
        break;
      case 'S':
        events.push({ type: 'sync-begin', inode, sync });
        break;
      case 'E':
      case 'F':
        events.push({ type: 'sync-end', inode, sync, ok: type === 'E' });
        break;
      case 'L':
        events.push({ type: 'link', from: below(path), to: below(other) });
        break;
      case 'R':
        events.push({ type: 'rename', from: below(path), to: below(other) });
        break;
      case 'U':
        events.push({ type: 'unlink', path: below(path) });
        break;
      case 'M':
        events.push({ type: 'mark', text: bytes.toString() });
        break;
      default:
        throw new Error(`the recorded process did what cannot be recorded: '${type}' ${path}`);
    }
  }
  return events;
}
