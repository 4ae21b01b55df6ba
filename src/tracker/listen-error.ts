/** Why the tracker cannot listen, for the person who started it. */
import { OptionError } from '../errors.js';

export interface ListenPlace {
  /** All addresses when undefined. */
  readonly host: string | undefined;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
}

/** An error of a listening socket as one that says what to do; other errors stay what they are. */
export function explainListenError(error: unknown, { host, port, protocol }: ListenPlace): unknown {
  const what = protocol === 'TCP' ? 'port' : 'UDP port';
  const where = host === undefined || host === '::' ? `${what} ${port}` : `${what} ${port} of ${host}`;
  switch (errnoCodeOf(error)) {
    case 'EADDRINUSE': {
      const without = protocol === 'UDP' ? ', or leave UDP out with --no-udp' : '';
      return new OptionError(
        `${where} is taken by another process: stop it (perhaps a tracker runs already), or choose another with --port` +
          without,
        { port },
        'P2P_PORT_TAKEN',
      );
    }
    case 'EACCES':
      return new OptionError(`${where} needs more rights than this process has; choose one above 1023 with --port`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EINVAL':
      return new OptionError(`'${host ?? '::'}' is no address of this machine; leave --host out to listen on all`);
    default:
      return error;
  }
}

/** The system's name for an error, such as `EADDRINUSE`. */
export function errnoCodeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
