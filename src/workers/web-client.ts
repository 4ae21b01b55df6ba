/** Node's HTTP client, with kept connections of its own for one web seed. Loaded when the first web seed is opened. */
import type http from 'node:http';
import type https from 'node:https';
import type { LookupFunction } from 'node:net';

/** Most connections to one server. */
export const WEB_CONNECTIONS = 4;

export interface WebClient {
  /** Asks for `url` by its protocol. @param range the value of the Range header */
  get(url: URL, range: string, lookup: LookupFunction): http.ClientRequest;
  /** Closes what is kept; requests under way are their makers'. */
  close(): void;
}

/** @param clientName name and version, told to servers */
export async function openWebClient(clientName: string): Promise<WebClient> {
  const userAgent = clientName.replaceAll(' ', '/');
  const modules = { 'http:': await import('node:http'), 'https:': await import('node:https') };
  const settings = { keepAlive: true, maxSockets: WEB_CONNECTIONS, maxFreeSockets: WEB_CONNECTIONS };
  const agents: { readonly 'http:': http.Agent; readonly 'https:': https.Agent } = {
    'http:': new modules['http:'].Agent(settings),
    'https:': new modules['https:'].Agent(settings),
  };
  return {
    get: (url, range, lookup) => {
      const protocol = url.protocol === 'https:' ? 'https:' : 'http:';
      const headers = { 'User-Agent': userAgent, Accept: '*/*', 'Accept-Encoding': 'identity', Range: range };
      return modules[protocol].request(url, { agent: agents[protocol], headers, lookup });
    },
    close: () => {
      agents['http:'].destroy();
      agents['https:'].destroy();
    },
  };
}
