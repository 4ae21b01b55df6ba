/** nginx as a web server of files. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './eventually.js';
import { ExternalProcess } from './external-tool.js';
import { freePort } from './free-port.js';
import type { SwarmFixture } from './swarm-fixture.js';

/** What `requireOrSkip` says where it is missing. */
export const NGINX = 'nginx (Debian package nginx-light)';

export function hasNginx(): boolean {
  return spawnSync('nginx', ['-v'], { stdio: 'ignore' }).error === undefined;
}

/**
 * nginx on loopback with `root` as its root, until the fixture ends; `settings` are those of its server block.
 * @returns its URL with a slash
 */
export async function startNginx(swarm: SwarmFixture, root: string, settings = ''): Promise<string> {
  const port = await freePort();
  const prefix = swarm.folder('nginx');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  writeFileSync(
    join(prefix, 'nginx.conf'),
    `${process.getuid?.() === 0 ? 'user root; ' : ''}daemon off; pid nginx.pid; error_log stderr; worker_processes 1; events {}
     http { access_log access.log; ${temporary.map((name) => `${name}_temp_path ${name};`).join(' ')}
     server { listen 127.0.0.1:${port}; root "${root}"; ${settings} } }`,
  );
  const nginx = new ExternalProcess('nginx', ['-p', prefix, '-c', join(prefix, 'nginx.conf')], prefix);
  // Its workers end with their master only when it is asked to end.
  swarm.onClose(async () => {
    nginx.child.kill('SIGTERM');
    await nginx.exit();
  });
  const url = `http://127.0.0.1:${port}/`;
  await eventually('nginx to answer', () => {
    if (nginx.hasEnded) throw new Error(`nginx does not start: ${nginx.output}`);
    return fetch(url).then(
      () => true,
      () => false,
    );
  });
  return url;
}
