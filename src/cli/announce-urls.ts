/** From `-i HOST -d PORT` and `--tracker URL` to announce URLs. */
import { OptionError } from '../errors.js';
import { OPTIONS } from '../options.js';

/** Asked by commands that need a tracker when nothing names one. */
export const DEFAULT_ANNOUNCE_URL = `http://localhost:${OPTIONS.trackerPort.default}/announce`;

const SCHEMES: ReadonlySet<string> = new Set(['http:', 'https:', 'udp:']);

/** The tracker flags as oclif parses them. */
export interface TrackerFlagValues {
  readonly 'tracker-host': string | undefined;
  readonly 'tracker-port': number | undefined;
  readonly tracker: readonly string[] | undefined;
}

/**
 * The trackers that a command line names, `-i` first; empty when it names none.
 * @throws {P2P_OPTION_INVALID} when a host or a URL is not one
 */
export function announceUrls(flags: TrackerFlagValues): string[] {
  const urls = (flags.tracker ?? []).map(checkAnnounceUrl);
  if (flags['tracker-host'] === undefined && flags['tracker-port'] === undefined) return [...new Set(urls)];
  const port = flags['tracker-port'] ?? OPTIONS.trackerPort.default;
  return [...new Set([announceUrl(flags['tracker-host'] ?? 'localhost', port), ...urls])];
}

/** The announce URL of our own tracker on a host; IPv6 addresses get their brackets. */
export function announceUrl(host: string, port: number): string {
  const isAddressV6 = /^[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*(?:%\w+)?$/i.test(host);
  const url = `http://${isAddressV6 ? `[${host}]` : host}:${port}/announce`;
  if (/[\s/?#@]/.test(host) || (host.includes(':') && !isAddressV6 && !host.startsWith('[')) || !URL.canParse(url)) {
    throw new OptionError(
      `-i '${host}' is not a host name or address; the port goes to -d, and a whole announce URL to --tracker`,
    );
  }
  return url;
}

function checkAnnounceUrl(text: string): string {
  if (!URL.canParse(text) || !SCHEMES.has(new URL(text).protocol)) {
    throw new OptionError(`--tracker '${text}' is not an announce URL such as http://host:9999/announce`);
  }
  return text;
}
