/** nginx with sendfile and curl: what somebody would take who needs no swarm. Nothing is verified. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { findProgram } from '../shared/installed-programs.js';
import type { BenchClient } from './bench-client.js';

export function nginxCurlClient(): BenchClient {
  const [nginx, curl] = [findProgram('nginx'), findProgram('curl')];
  const missing = nginx.version === undefined ? nginx : curl;
  return {
    name: 'nginx+curl',
    version: missing.version === undefined ? undefined : `${curl.version ?? ''} from ${nginx.version ?? ''}`,
    missingNote: missing.missingNote,
    isPlainServer: true,
    noPartsNote: 'one server, whole files',
    seed: ({ folder, address, port }) => {
      const readyFile = path.join(folder, '.nginx-pid');
      const file = path.join(folder, '.nginx.conf');
      writeFileSync(file, configuration(folder, readyFile, `${address}:${port}`));
      return { command: ['nginx', '-e', path.join(folder, '.nginx-errors'), '-c', file], readyFile };
    },
    download: ({ folder, dataName, seeders: [seeder = ''] }) => ({
      command: ['curl', '--silent', '--fail', '--output', path.join(folder, dataName), `http://${seeder}/${dataName}`],
    }),
  };
}

/** One process, whose cost can be told. */
function configuration(folder: string, pidFile: string, listen: string): string {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const temporary = kinds.map((kind) => `${kind}_temp_path ${folder}/.nginx-temporary;`).join(' ');
  return [
    `daemon off; master_process off; pid ${pidFile}; error_log ${folder}/.nginx-errors; events {}`,
    `http { ${temporary} sendfile on; access_log off; server { listen ${listen}; root ${folder}; } }\n`,
  ].join('\n');
}
