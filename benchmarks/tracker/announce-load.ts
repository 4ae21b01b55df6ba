/** Load for a tracker over HTTP: from wrk where it is installed, else from here, which is slower. */
import { spawn, spawnSync } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseAnnounceReply } from '../../src/tracker/parse-announce-reply.js';

export interface Load {
  readonly port: number;
  readonly connections: number;
  /** Whether each announce has a connection of its own. */
  readonly isNew: boolean;
  readonly torrents: number;
  readonly seconds: number;
}

/** An announce by number: `torrent` from 1, `port` from 1024. */
export interface Announced {
  readonly torrent: number;
  readonly port: number;
  /** For trackers behind a proxy. */
  readonly forwardedFor?: string;
}

const LUA = fileURLToPath(new URL('../../../benchmarks/tracker/announces.lua', import.meta.url));

/** @returns undefined when wrk is not installed */
export function wrkVersion(): string | undefined {
  const { error, stdout } = spawnSync('wrk', ['--version'], { encoding: 'utf8' });
  return error ? undefined : /^wrk (\S+)/.exec(stdout)?.[1];
}

/** @returns answered announces a second */
export async function measureWithWrk(load: Load): Promise<number> {
  const flags = ['-t1', `-c${load.connections}`, `-d${load.seconds}s`, '-s', LUA, `http://127.0.0.1:${load.port}`];
  const child = spawn('wrk', [...flags, '--', load.isNew ? 'new' : 'kept', String(load.torrents)]);
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()));
  await new Promise((resolve) => child.once('close', resolve));
  const rate = /^Requests\/sec:\s+([\d.]+)/m.exec(text)?.[1];
  if (rate === undefined || text.includes('Non-2xx')) throw new Error(`wrk failed:\n${text}`);
  return Number(rate);
}

/** The same from this process. */
export async function measureFromHere(load: Load): Promise<number> {
  const startedMs = performance.now();
  const endMs = startedMs + load.seconds * 1000;
  let count = 0;
  await announceAll(load, () => {
    if (performance.now() > endMs) return undefined;
    count += 1;
    return { torrent: 1 + randomBelow(load.torrents), port: 1_024 + randomBelow(64_512) };
  });
  return count / ((performance.now() - startedMs) / 1000);
}

/** Sends announces until `next` has no more. */
export async function announceAll(
  load: Pick<Load, 'port' | 'connections' | 'isNew'>,
  next: () => Announced | undefined,
): Promise<void> {
  await Promise.all(Array.from({ length: load.connections }, () => announceInTurn(load, next)));
}

/** One announce. @returns the reply, read by our client's parser */
export async function sampleReply(port: number, announced: Announced): Promise<ReturnType<typeof parseAnnounceReply>> {
  const response = await fetch(`http://127.0.0.1:${port}${pathOf(announced, 50)}`, {
    headers: { connection: 'close', ...forwardedHeader(announced) },
  });
  return parseAnnounceReply(new Uint8Array(await response.arrayBuffer()));
}

/** 20 bytes: `ff`, the number, 16 letters. */
export function infoHashHex(torrent: number): string {
  return `ff${torrent.toString(16).padStart(6, '0')}${'74'.repeat(16)}`;
}

/** One connection, or one after another. */
async function announceInTurn(
  { port, isNew }: Pick<Load, 'port' | 'isNew'>,
  next: () => Announced | undefined,
): Promise<void> {
  for (let announced = next(); announced;) {
    let first: Announced | undefined = announced;
    announced = undefined;
    await new Promise<void>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1').setNoDelay();
      let text = '';
      const send = (): void => {
        const now: Announced | undefined = first ?? next();
        first = undefined;
        if (now) socket.write(requestText(now, isNew));
        else socket.destroy();
      };
      socket.once('connect', send).once('error', reject);
      socket.setEncoding('latin1').on('data', (more: string) => {
        text += more;
        if (!isWhole(text)) return;
        text = '';
        if (isNew) socket.destroy();
        else send();
      });
      socket.once('close', () => resolve());
      endUnanswered(socket, () => text === '', reject);
    });
    if (isNew) announced = next();
  }
}

/** A tracker that ends a connection in the midst of an answer is broken. */
function endUnanswered(socket: Socket, isBetween: () => boolean, reject: (error: Error) => void): void {
  socket.once('end', () => {
    if (!isBetween()) reject(new Error('the tracker ended the connection within an answer'));
  });
}

function isWhole(text: string): boolean {
  const header = text.indexOf('\r\n\r\n');
  const length = /^content-length: (\d+)/im.exec(text.slice(0, Math.max(header, 0)))?.[1];
  return header >= 0 && length !== undefined && text.length >= header + 4 + Number(length);
}

function requestText(announced: Announced, isNew: boolean): string {
  const headers = Object.entries(forwardedHeader(announced)).map(([name, value]) => `${name}: ${value}\r\n`);
  const close = isNew ? 'Connection: close\r\n' : '';
  return `GET ${pathOf(announced, 0)} HTTP/1.1\r\nHost: localhost\r\n${close}${headers.join('')}\r\n`;
}

function forwardedHeader({ forwardedFor }: Announced): Record<string, string> {
  return forwardedFor === undefined ? {} : { 'X-Forwarded-For': forwardedFor };
}

function pathOf({ torrent, port }: Announced, numWant: number): string {
  const infoHash = infoHashHex(torrent).replace(/../g, '%$&');
  const peerId = `-XX0001-${String(port).padStart(12, '0')}`;
  const rest = `uploaded=0&downloaded=0&left=1000&compact=1&numwant=${numWant}`;
  return `/announce?info_hash=${infoHash}&peer_id=${peerId}&port=${port}&${rest}`;
}

function randomBelow(count: number): number {
  return Math.floor(Math.random() * count);
}
