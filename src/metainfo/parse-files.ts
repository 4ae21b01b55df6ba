/** The files of an info dictionary: `length` or `files` (BEP 3), pad files and symbolic links (BEP 47). */
import { MetainfoError } from '../errors.js';
import { BencodeDictionary, type BencodeValue } from './bencode-dictionary.js';
import { escapeText } from './escape-text.js';
import type { MetainfoFile } from './metainfo.js';
import { safePaths, type RawFilePath } from './safe-path.js';

export interface ParsedFiles {
  readonly isFolder: boolean;
  readonly files: readonly MetainfoFile[];
  readonly notes: readonly string[];
}

interface RawFile extends RawFilePath, Pick<MetainfoFile, 'isExecutable'> {
  readonly path: readonly Uint8Array[];
  readonly lengthBytes: number;
}

/**
 * The files in the order of the torrent, with safe paths. Symbolic links are left out: they carry no bytes, and a link
 * that a stranger chose could lead out of the output folder.
 * @throws {P2P_METAINFO_INVALID} when lengths or paths are missing or of the wrong kind
 * @throws {P2P_PATH_UNSAFE} when a path leads elsewhere
 */
export function parseFiles(info: BencodeDictionary): ParsedFiles {
  if (info.has('length') && info.has('files')) throw invalid('its info has both length and files');
  if (!info.has('files')) {
    const lengthBytes = parseLength(info, 'its info');
    const attributes = executableIn(info.text('attr') ?? '');
    return { isFolder: false, files: [{ path: [], lengthBytes, isPad: false, ...attributes }], notes: [] };
  }
  const list = info.list('files');
  if (!list) throw invalid('files is not a list');

  const entries = list.map(parseEntry);
  const rawFiles = entries.filter((entry) => entry !== undefined);
  const paths = safePaths(rawFiles);
  const files = rawFiles.map((raw, at) => toMetainfoFile(raw, paths[at] ?? []));
  return { isFolder: true, files, notes: notesOn(files, entries.length - rawFiles.length) };
}

/** One entry of `files`; undefined for a symbolic link. */
function parseEntry(entry: BencodeValue, index: number): RawFile | undefined {
  const where = `file ${index}`;
  if (!(entry instanceof BencodeDictionary)) throw invalid(`${where} is not a dictionary`);
  const attributes = entry.text('attr') ?? '';
  const lengthBytes = attributes.includes('l') && !entry.has('length') ? 0 : parseLength(entry, where);
  if (attributes.includes('l')) {
    if (lengthBytes > 0) throw invalid(`${where} is a symbolic link of ${lengthBytes} bytes, but links have none`);
    return undefined;
  }
  const path = byteStrings(entry.list('path.utf-8')) ?? byteStrings(entry.list('path'));
  if (!path) throw invalid(`${where} has no path`);
  return { path, lengthBytes, isPad: attributes.includes('p') || isPadPath(path), ...executableIn(attributes) };
}

function executableIn(attributes: string): Pick<MetainfoFile, 'isExecutable'> {
  return attributes.includes('x') ? { isExecutable: true } : {};
}

/** Makers before BEP 47 wrote padding as `.pad/` and a number, without an attribute. */
function isPadPath([folder, name, ...rest]: readonly Uint8Array[]): boolean {
  if (!folder || !name || rest.length > 0 || !isText(folder, '.pad')) return false;
  return /^\d+$/.test(LENIENT_UTF8.decode(name));
}

/** @param text ASCII; bytes that are no ASCII equal none */
function isText(bytes: Uint8Array, text: string): boolean {
  if (bytes.length !== text.length) return false;
  for (let at = 0; at < text.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte >= 0x80 || byte !== text.charCodeAt(at)) return false;
  }
  return true;
}

function parseLength(dictionary: BencodeDictionary, where: string): number {
  const length = dictionary.integer('length');
  if (length === undefined) throw invalid(`${where} has no length`);
  if (length < 0) throw invalid(`${where} has length ${length}`);
  return length;
}

function byteStrings(list: readonly BencodeValue[] | undefined): readonly Uint8Array[] | undefined {
  return list?.every((item) => item instanceof Uint8Array) ? list : undefined;
}

function toMetainfoFile(raw: RawFile, path: readonly string[]): MetainfoFile {
  const { lengthBytes, isPad, isExecutable } = raw;
  const file = { path, lengthBytes, isPad, ...(isExecutable && { isExecutable }) };
  // Mostly: then there is nothing to decode.
  if (raw.path.every((component, at) => isText(component, path[at] ?? ''))) return file;
  const original = raw.path.map((component) => LENIENT_UTF8.decode(component));
  const isSame = original.every((component, at) => component === path[at]);
  return isSame || original.some(hasSlash) ? file : { ...file, originalPath: original };
}

/** A name with a separator in it cannot lie on disk as one name. */
function hasSlash(component: string): boolean {
  return /[/\\]/.test(component);
}

function notesOn(files: readonly MetainfoFile[], linkCount: number): string[] {
  const notes: string[] = [];
  if (linkCount > 0) notes.push(`symbolic links are left out: ${linkCount}`);
  const changed = files.filter((file) => file.originalPath !== undefined && !file.isPad);
  const [first] = changed;
  if (first) {
    const example = `'${escapeText(first.originalPath?.join('/') ?? '')}' is '${first.path.join('/')}'`;
    notes.push(`file names changed so that they work everywhere: ${changed.length}, for example ${example}`);
  }
  return notes;
}

function invalid(problem: string): MetainfoError {
  return new MetainfoError('P2P_METAINFO_INVALID', `not a usable .torrent: ${problem}`);
}

/** For names that are compared and shown; `safePaths` decodes those that are used. */
const LENIENT_UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });
