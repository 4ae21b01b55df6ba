/** Transmission: its program for one torrent, `transmission-cli`, with settings from a folder of its own. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ExternalProcess, printedBy } from '../helpers/external-tool.js';
import { freePort } from '../helpers/free-port.js';
import { HookedRun, type Client, type Job } from './client.js';
import { at } from './network.js';

export const transmission: Client = {
  name: 'Transmission',
  install: 'transmission-cli (Debian package transmission-cli)',
  worksOnLoopback: false,
  makesEmptyFiles: false,

  version() {
    return /transmission-cli (\S+)/.exec(printedBy('transmission-cli', ['--version']))?.[1];
  },

  async start(job, scratch) {
    const port = await freePort();
    const doneFile = join(scratch, 'done');
    const hook = join(scratch, 'hook.sh');
    writeFileSync(hook, `#!/bin/sh\ntouch '${doneFile}'\n`);
    chmodSync(hook, 0o755);
    writeFileSync(join(scratch, 'settings.json'), JSON.stringify(settings(job)));
    writeFileSync(join(scratch, 'dht.bootstrap'), bootstrapFile(job.dhtNodes ?? []));
    const folders = ['--config-dir', scratch, '--download-dir', job.folder];
    const limits = ['--no-downlimit', '--no-uplimit', '--no-portmap'];
    const args = [...folders, '--port', String(port), '--finish', hook, ...limits, job.torrent];
    const [program, words] = at(job.host, 'transmission-cli', args);
    return new HookedRun(new ExternalProcess(program, words, scratch), port, doneFile);
  },
};

function settings(job: Job): object {
  return {
    'dht-enabled': job.dhtNodes !== undefined,
    'lpd-enabled': job.lsd ?? false,
    'pex-enabled': job.pex ?? false,
    'utp-enabled': false,
    // Its way of writing: 0 leaves out what it would do first on a slow disk.
    preallocation: 0,
  };
}

/** A line a node: address, a space, port. */
function bootstrapFile(nodes: readonly string[]): string {
  return nodes.map((node) => `${node.replace(/:(\d+)$/, ' $1')}\n`).join('');
}
