/**
 * A folder as it lies on a disk that loses power. It is told what a process did, and answers what may be there
 * afterwards: what was synced for certain; of the rest whatever a file system is free to leave.
 *
 *  - A write that was not synced is there, or not, or only some of its pages of 4096 bytes are; pages before the new end
 *    that are not there read as what they were, or as zeros.
 *  - A change of size that was not synced has happened, or not.
 *  - Of the changes of names in a folder (made, linked, renamed, removed) that were not followed by an fsync of that
 *    folder, the first few have happened: none to all. A file without a name is gone.
 *
 * A sync counts only for what was done before it began, and only once it has returned.
 */
import type { DiskEvent, Inode } from './disk-log.js';

const PAGE_BYTES = 4096;
const ODDS = [0, 0.1, 0.5, 0.9, 1];

export interface SimulatedDiskOptions {
  readonly rootInode: Inode;
  /**
   * Whether a name needs an fsync of its folder to be kept, as POSIX has it; otherwise any sync that ends keeps all names
   * that were there when it began, as journals do. Strict when left out.
   */
  readonly namesNeedFolderSync?: boolean;
}

/** What a power cut left: content by path, `/` between components; two names of one file have the same object. */
export interface DiskImage {
  readonly folders: readonly string[];
  readonly files: ReadonlyMap<string, ImageFile>;
}

export interface ImageFile {
  /** The number that the file had before the power cut. */
  readonly inode: Inode;
  readonly bytes: Buffer;
}

type Change = { readonly at: number } & (
  | { readonly type: 'write'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly type: 'truncate'; readonly sizeBytes: number }
);

type NameChange = { readonly at: number } & (
  | { readonly type: 'put'; readonly name: string; readonly entry: Entry }
  | { readonly type: 'remove'; readonly name: string }
  | { readonly type: 'move'; readonly name: string; readonly newName: string }
);

interface SimulatedFile {
  readonly kind: 'file';
  readonly inode: Inode;
  synced: Content;
  unsynced: Change[];
}

interface SimulatedFolder {
  readonly kind: 'folder';
  readonly inode: Inode;
  /** Names as the process sees them. */
  readonly names: Map<string, Entry>;
  synced: Map<string, Entry>;
  unsynced: NameChange[];
}

type Entry = SimulatedFile | SimulatedFolder;

export class SimulatedDisk {
  readonly #root: SimulatedFolder;
  readonly #isStrict: boolean;
  readonly #entries = new Map<Inode, Entry>();
  /** Where each sync that has not returned began. */
  readonly #syncs = new Map<string, number>();
  #at = 0;

  constructor({ rootInode, namesNeedFolderSync = true }: SimulatedDiskOptions) {
    this.#root = aFolder(rootInode);
    this.#entries.set(rootInode, this.#root);
    this.#isStrict = namesNeedFolderSync;
  }

  /** @throws when the event cannot follow those before: the recorder has missed something */
  apply(event: DiskEvent): void {
    this.#at += 1;
    switch (event.type) {
      case 'create':
        this.#create(event.kind, event.inode, event.path);
        return;
      case 'write':
        this.#file(event.inode).unsynced.push({ ...event, at: this.#at });
        return;
      case 'truncate':
        this.#file(event.inode).unsynced.push({ ...event, at: this.#at });
        return;
      case 'sync-begin':
        this.#syncs.set(event.sync, this.#at);
        return;
      case 'sync-end':
        this.#endSync(event.inode, event.sync, event.ok);
        return;
      case 'link':
        this.#changeName(event.to, (name) => ({ type: 'put', name, entry: this.#entryAt(event.from), at: this.#at }));
        return;
      case 'rename':
        this.#rename(event.from, event.to);
        return;
      case 'unlink':
        this.#entryAt(event.path);
        this.#changeName(event.path, (name) => ({ type: 'remove', name, at: this.#at }));
        return;
      case 'mark':
        return;
      default:
        event satisfies never;
    }
  }

  /**
   * What may be there if the power goes now. Changes nothing: it can be asked again, with other chance.
   * @param random numbers from 0 to below 1
   * @param odds how likely it is that something unsynced is there; 0: nothing, 1: everything; or by the path of a file or
   * folder. When left out, each of them has its own, so that one may be there wholly and another not at all
   */
  cut(random: () => number, odds?: number | ((path: string) => number)): DiskImage {
    const folders: string[] = [];
    const files = new Map<string, ImageFile>();
    const contents = new Map<SimulatedFile, ImageFile>();
    const oddsOf = (path: string): number =>
      (typeof odds === 'function' ? odds(path) : odds) ?? ODDS[Math.floor(random() * ODDS.length)] ?? 1;
    const visit = (folder: SimulatedFolder, folderPath: string): void => {
      for (const [name, entry] of namesAfterCut(folder, random, oddsOf(folderPath))) {
        const path = folderPath === '' ? name : `${folderPath}/${name}`;
        if (entry.kind === 'folder') {
          folders.push(path);
          visit(entry, path);
          continue;
        }
        const file = contents.get(entry) ?? { inode: entry.inode, bytes: bytesAfterCut(entry, random, oddsOf(path)) };
        contents.set(entry, file);
        files.set(path, file);
      }
    };
    visit(this.#root, '');
    return { folders, files };
  }

  #create(kind: 'file' | 'folder', inode: Inode, path: string): void {
    const entry: Entry =
      kind === 'folder' ? aFolder(inode) : { kind, inode, synced: new Content(Buffer.alloc(0)), unsynced: [] };
    // The number of a file that is gone may be used again.
    this.#entries.set(inode, entry);
    this.#changeName(path, (name) => ({ type: 'put', name, entry, at: this.#at }));
  }

  #rename(from: string, to: string): void {
    const { folder, name } = this.#place(from);
    const target = this.#place(to);
    if (folder !== target.folder) throw new Error(`a rename from one folder to another is not known: ${from}, ${to}`);
    this.#entryAt(from);
    this.#changeName(from, () => ({ type: 'move', name, newName: target.name, at: this.#at }));
  }

  #changeName(path: string, change: (name: string) => NameChange): void {
    const { folder, name } = this.#place(path);
    const made = change(name);
    folder.unsynced.push(made);
    applyName(folder.names, made);
  }

  #endSync(inode: Inode, sync: string, ok: boolean): void {
    const begun = this.#syncs.get(sync);
    if (begun === undefined) throw new Error(`sync ${sync} has ended and never begun`);
    this.#syncs.delete(sync);
    if (!ok) return;
    const entry = this.#entry(inode);
    if (entry.kind === 'folder') keepNames(entry, begun);
    else keepContent(entry, begun);
    if (this.#isStrict) return;
    for (const each of this.#entries.values()) if (each.kind === 'folder') keepNames(each, begun);
  }

  #place(path: string): { readonly folder: SimulatedFolder; readonly name: string } {
    const components = path.split('/');
    const name = components.pop() ?? '';
    let folder = this.#root;
    for (const component of components) {
      const next = folder.names.get(component);
      if (next?.kind !== 'folder') throw new Error(`there is no folder above ${path}`);
      folder = next;
    }
    return { folder, name };
  }

  #entryAt(path: string): Entry {
    const { folder, name } = this.#place(path);
    const entry = folder.names.get(name);
    if (!entry) throw new Error(`there is nothing at ${path}`);
    return entry;
  }

  #entry(inode: Inode): Entry {
    const entry = this.#entries.get(inode);
    if (!entry) throw new Error(`nobody made inode ${inode}`);
    return entry;
  }

  #file(inode: Inode): SimulatedFile {
    const entry = this.#entry(inode);
    if (entry.kind === 'folder') throw new Error(`inode ${inode} is a folder`);
    return entry;
  }
}

/** Bytes that grow; those that were never written are zeros. */
class Content {
  #bytes: Buffer;
  #sizeBytes: number;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#sizeBytes = bytes.length;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  write(offset: number, bytes: Uint8Array): void {
    this.extend(offset + bytes.length);
    this.#bytes.set(bytes, offset);
  }

  extend(sizeBytes: number): void {
    if (sizeBytes > this.#sizeBytes) this.truncate(sizeBytes);
  }

  truncate(sizeBytes: number): void {
    if (sizeBytes > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(sizeBytes, 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, this.#sizeBytes));
      this.#bytes = grown;
    } else if (sizeBytes < this.#sizeBytes) {
      this.#bytes.fill(0, sizeBytes, this.#sizeBytes);
    }
    this.#sizeBytes = sizeBytes;
  }

  copy(): Content {
    return new Content(Buffer.from(this.bytes()));
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#sizeBytes);
  }
}

function aFolder(inode: Inode): SimulatedFolder {
  return { kind: 'folder', inode, names: new Map(), synced: new Map(), unsynced: [] };
}

function keepContent(file: SimulatedFile, before: number): void {
  for (const change of file.unsynced) {
    if (change.at > before) break;
    if (change.type === 'write') file.synced.write(change.offset, change.bytes);
    else file.synced.truncate(change.sizeBytes);
  }
  file.unsynced = file.unsynced.filter(({ at }) => at > before);
}

function keepNames(folder: SimulatedFolder, before: number): void {
  for (const change of folder.unsynced) if (change.at <= before) applyName(folder.synced, change);
  folder.unsynced = folder.unsynced.filter(({ at }) => at > before);
}

function applyName(names: Map<string, Entry>, change: NameChange): void {
  switch (change.type) {
    case 'put':
      names.set(change.name, change.entry);
      return;
    case 'remove':
      names.delete(change.name);
      return;
    case 'move': {
      const entry = names.get(change.name);
      names.delete(change.name);
      if (entry) names.set(change.newName, entry);
      return;
    }
    default:
      change satisfies never;
  }
}

function namesAfterCut(folder: SimulatedFolder, random: () => number, odds: number): Map<string, Entry> {
  const names = new Map(folder.synced);
  const all = folder.unsynced.length;
  const count = odds === 1 ? all : odds === 0 ? 0 : Math.floor(random() * (all + 1));
  for (const change of folder.unsynced.slice(0, count)) applyName(names, change);
  return names;
}

function bytesAfterCut(file: SimulatedFile, random: () => number, odds: number): Buffer {
  const content = file.synced.copy();
  const chance = (): boolean => random() < odds;
  for (const change of file.unsynced) {
    if (change.type === 'truncate') {
      if (chance()) content.truncate(change.sizeBytes);
    } else if (odds < 1 && random() < 1 / 3) {
      writePages(content, change, chance);
      if (chance()) content.extend(change.offset + change.bytes.length);
    } else if (chance()) {
      content.write(change.offset, change.bytes);
    }
  }
  return content.bytes();
}

/** Writes some of the pages that a write touches. */
function writePages(content: Content, write: { offset: number; bytes: Uint8Array }, chance: () => boolean): void {
  const { offset, bytes } = write;
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + PAGE_BYTES - ((offset + at) % PAGE_BYTES));
    if (chance()) content.write(offset + at, bytes.subarray(at, end));
    at = end;
  }
}
