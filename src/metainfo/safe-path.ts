/**
 * The one place that turns names from a .torrent into names on disk. Whatever a stranger wrote, the result is a list of
 * components that stay below the output folder on Linux, macOS and Windows, and no two files of a torrent share a path.
 *
 * Refused, since only an attack or a broken maker writes it (`P2P_PATH_UNSAFE`):
 *   - an empty component, `.` and `..`, and a file with no components at all
 *   - a component that is a path of its own leading elsewhere: one that begins with `/` or `\`, or that has a `..`
 *     between slashes of either kind; a drive with a slash (`C:\`)
 *   - NUL, which ends a name early in C
 *   - a path longer than 4,095 bytes, which no system can open
 *
 * Rewritten, since honest names look like that somewhere:
 *   - other `/` and `\` within a component, control characters, bidirectional overrides: `_` each
 *   - the colon of a leading drive letter (`C:name`): `_`
 *   - each dot and space at the end (Windows drops them): `_`
 *   - reserved Windows device names, with any extension (`CON`, `nul.txt`, `COM1`): `_` in front
 *   - bytes that are not UTF-8: `%E9` each, and then `%` itself `%25`, so that different bytes stay different names
 *   - more than 255 bytes: the part before the extension is shortened on a character border
 *   - a path that equals an earlier one when compared in lower case and NFC, or a file where another file needs a
 *     folder: ` (2)`, ` (3)`… before the extension
 *
 * Spaces, emoji, leading dots and all scripts stay as they are.
 */
import { MetainfoError } from '../errors.js';
import { escapeText } from './escape-text.js';

/** Bytes of one name: what ext4, APFS and NTFS take. */
export const MAX_COMPONENT_BYTES = 255;
/** Bytes of a path below the torrent's root, separators counted: PATH_MAX of Linux without the final NUL. */
export const MAX_PATH_BYTES = 4_095;

/**
 * One name from a .torrent as a safe name on disk.
 * @param raw the bytes as they stand in the metainfo, or text
 * @throws {P2P_PATH_UNSAFE} when it is refused; see above
 */
export function safeComponent(raw: Uint8Array | string): string {
  if (raw.length > MAX_PATH_BYTES) throw unsafe('', `a name of ${raw.length} bytes exceeds ${MAX_PATH_BYTES}`);
  const text = typeof raw === 'string' ? raw : decodeName(raw);
  if (PLAIN.test(text) && !RESERVED.test(text)) return text;
  const problem = attackIn(text);
  if (problem) throw unsafe(text, problem);
  return shortenName(tame(text));
}

/** A file whose name is to be made safe. Pad files never lie on disk, so several of them may share a name. */
export interface RawFilePath {
  readonly path: readonly (Uint8Array | string)[];
  readonly isPad: boolean;
}

/**
 * Safe paths for all files of a folder, in the same order. The same input gives the same paths, everywhere.
 * @throws {P2P_PATH_UNSAFE} when one is refused; see above
 */
export function safePaths(files: readonly RawFilePath[]): string[][] {
  let before: SafePath | undefined;
  const paths = files.map(({ path: raw }) => {
    const path = safePath(raw, before);
    before = { raw, path };
    return path;
  });
  const root: Folder = { folders: new Map(), files: new Set(), nextSuffix: new Map() };
  // Folders first: a file gives way to a folder wherever it stands in the list.
  const parents = paths.map((path, at) => (files[at]?.isPad ? undefined : openFolder(root, path)));
  for (const [at, path] of paths.entries()) {
    const parent = parents[at];
    if (parent) path.push(claimName(parent, path.pop() ?? ''));
  }
  return paths;
}

interface SafePath {
  readonly raw: RawFilePath['path'];
  readonly path: readonly string[];
}

/** @param before the file before it, which mostly lies in the same folder */
function safePath(raw: RawFilePath['path'], before: SafePath | undefined): string[] {
  if (raw.length === 0) throw unsafe('', 'a file without a name');
  const path: string[] = [];
  for (const component of raw) {
    const known = isSameName(component, before?.raw[path.length]) ? before?.path[path.length] : undefined;
    path.push(known ?? safeComponent(component));
  }
  if (path.length * (MAX_COMPONENT_BYTES + 1) <= MAX_PATH_BYTES) return path;
  const bytes = path.reduce((sum, component) => sum + byteLength(component) + 1, -1);
  if (bytes > MAX_PATH_BYTES) throw unsafe(path[0] ?? '', `a path of ${bytes} bytes exceeds ${MAX_PATH_BYTES}`);
  return path;
}

function isSameName(one: Uint8Array | string, other: Uint8Array | string | undefined): boolean {
  if (typeof one === 'string' || typeof other !== 'object') return one === other;
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at += 1) if (one[at] !== other[at]) return false;
  return true;
}

/**
 * The name cut to `maxBytes` of UTF-8 on a character border, with its extension kept. Deterministic; names that fit are
 * returned as they are.
 * @param suffix goes before the extension and counts
 */
export function shortenName(name: string, maxBytes: number = MAX_COMPONENT_BYTES, suffix = ''): string {
  if (suffix === '' && fits(name, maxBytes)) return name;
  const dot = name.lastIndexOf('.');
  const hasExtension = dot > 0 && byteLength(name.slice(dot)) <= MAX_EXTENSION_BYTES;
  const tail = suffix + (hasExtension ? name.slice(dot) : '');
  const stem = cutText(hasExtension ? name.slice(0, dot) : name, maxBytes - byteLength(tail));
  // A cut may leave a space or a dot where the name now ends.
  return tail === '' ? tameEnd(stem) : stem + tail;
}

/** A folder as file systems that ignore case see it. */
interface Folder {
  readonly folders: Map<string, Folder>;
  readonly files: Set<string>;
  /** Where to go on counting for a name that was taken, so that many equal names cost no more than their number. */
  readonly nextSuffix: Map<string, number>;
}

/** @param path of a file in it */
function openFolder(root: Folder, path: readonly string[]): Folder {
  let folder = root;
  for (let at = 0; at < path.length - 1; at += 1) {
    const key = foldName(path[at] ?? '');
    let next = folder.folders.get(key);
    if (!next) {
      next = { folders: new Map(), files: new Set(), nextSuffix: new Map() };
      folder.folders.set(key, next);
    }
    folder = next;
  }
  return folder;
}

function claimName(folder: Folder, wanted: string): string {
  const wantedKey = foldName(wanted);
  let name = wanted;
  let key = wantedKey;
  let count = folder.nextSuffix.get(wantedKey) ?? 2;
  while (folder.files.has(key) || folder.folders.has(key)) {
    name = shortenName(wanted, MAX_COMPONENT_BYTES, ` (${count})`);
    key = foldName(name);
    count += 1;
  }
  if (count > 2) folder.nextSuffix.set(wantedKey, count);
  folder.files.add(key);
  return name;
}

function foldName(name: string): string {
  return name.normalize('NFC').toLowerCase();
}

function attackIn(text: string): string | undefined {
  if (text === '') return 'an empty name';
  if (text.includes('\0')) return 'a NUL in a name';
  if (/^[/\\]|^[a-z]:[/\\]/i.test(text)) return 'an absolute path';
  if (text === '.' || text.split(/[/\\]/).includes('..')) return 'a name that leads to another folder';
  return undefined;
}

function tame(text: string): string {
  const plain = tameEnd(text.replace(AWKWARD, '_').replace(/^([a-z]):/i, '$1_'));
  return RESERVED.test(plain) ? `_${plain}` : plain;
}

function tameEnd(text: string): string {
  return text.replace(/[. ]+$/, (end) => '_'.repeat(end.length));
}

function decodeName(bytes: Uint8Array): string {
  try {
    return STRICT_UTF8.decode(bytes);
  } catch {
    return escapeInvalidUtf8(bytes);
  }
}

/** Valid sequences as they are, other bytes as `%XX`, and `%` as `%25`: different bytes give different text. */
function escapeInvalidUtf8(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const length = characterLength(bytes, at);
    if (length === 0 || bytes[at] === PERCENT) {
      text += `%${(bytes[at] ?? 0).toString(16).toUpperCase().padStart(2, '0')}`;
    } else {
      text += STRICT_UTF8.decode(bytes.subarray(at, at + length));
    }
    at += Math.max(length, 1);
  }
  return text;
}

/** Bytes of the UTF-8 sequence that begins at `at` (RFC 3629, section 4), 0 when none does. */
function characterLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4) return 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  for (let next = 1; next < length; next += 1) {
    const byte = bytes[at + next] ?? 0;
    if (byte < (next === 1 ? low : 0x80) || byte > (next === 1 ? high : 0xbf)) return 0;
  }
  return length;
}

/** The longest start of `text`, in whole characters, that fits into `maxBytes`. */
function cutText(text: string, maxBytes: number): string {
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += byteLength(character);
    if (bytes > maxBytes) break;
    end += character.length;
  }
  return text.slice(0, end);
}

/** A UTF-16 unit takes three bytes at most. */
function fits(name: string, maxBytes: number): boolean {
  return 3 * name.length <= maxBytes || byteLength(name) <= maxBytes;
}

function byteLength(text: string): number {
  return UTF8.encode(text).length;
}

function unsafe(component: string, problem: string): MetainfoError {
  const shown = escapeText(component.length > 80 ? `${component.slice(0, 80)}…` : component);
  return new MetainfoError('P2P_PATH_UNSAFE', `the torrent names a file '${shown}': ${problem}; nothing was written`, {
    component: shown,
  });
}

const PERCENT = 0x25;
const UTF8 = new TextEncoder();
const STRICT_UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** ASCII with nothing in it that is ever refused or rewritten, but for the reserved names: most names are like that. */
const PLAIN = /^[ -.0-9;-[\]-~]{0,254}[!-\-0-9;-[\]-~]$/;
/** What counts as an extension when a name is shortened; longer ones are part of the name. */
const MAX_EXTENSION_BYTES = 32;
const AWKWARD = /[/\\\u0001-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;
/** Device names of Windows, alone or before an extension; `¹²³` count as digits there. */
const RESERVED = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\..*)?$/iu;
