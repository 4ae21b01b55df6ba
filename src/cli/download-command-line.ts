/** What others have to type to fetch what we seed. */
import { basename } from 'node:path';
import { OPTIONS } from '../options.js';
import { shellWord } from './shell-word.js';

/** Names that TARGET would read as something else than a name in the catalogue. */
const MISREAD_NAME = /^-|^name:|\.torrent$|^[0-9a-f]{40}$|^[0-9a-f]{64}$|:\/\/|^magnet:/i;

/**
 * The download command for another machine.
 * @param target.magnet used when no catalogue knows the name
 * @param target.infoHash used when a catalogue knows several of that name
 * @param target.torrentFile the .torrent file of a private torrent: no catalogue and no magnet link leads to those
 * @param target.trackers announce URLs as others can use them
 */
export function downloadCommandLine(target: {
  readonly name: string;
  readonly magnet: string;
  readonly trackers: readonly string[];
  readonly published: boolean;
  readonly infoHash: string;
  readonly isNameUnique: boolean;
  readonly torrentFile?: string | undefined;
}): string {
  if (target.torrentFile !== undefined) {
    const file = basename(target.torrentFile);
    return `p2p peer download ${shellWord(file.startsWith('-') ? `./${file}` : file)}`;
  }
  if (!target.published) return `p2p peer download ${shellWord(target.magnet)}`;
  const name = MISREAD_NAME.test(target.name) ? `name:${target.name}` : target.name;
  const word = target.isNameUnique ? shellWord(name) : target.infoHash;
  return ['p2p peer download', word, ...trackerWords(target.trackers[0])].join(' ');
}

/** The flags that name a tracker: `-i HOST`, `-i HOST -d PORT`, or `--tracker URL`. */
function trackerWords(announce: string | undefined): string[] {
  if (announce === undefined || !URL.canParse(announce)) return [];
  const url = new URL(announce);
  if (url.protocol !== 'http:' || url.pathname !== '/announce' || url.search !== '') {
    return ['--tracker', shellWord(announce)];
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? 80 : Number(url.port);
  return ['-i', shellWord(host), ...(port === OPTIONS.trackerPort.default ? [] : ['-d', `${port}`])];
}
