/** aria2: see `man aria2c`. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ExternalProcess, printedBy } from '../helpers/external-tool.js';
import { freePort } from '../helpers/free-port.js';
import { HookedRun, type Client, type Job } from './client.js';
import { at } from './network.js';

export const aria2: Client = {
  name: 'aria2',
  install: 'aria2c (Debian package aria2)',
  worksOnLoopback: true,
  makesEmptyFiles: true,

  version() {
    return /aria2 version (\S+)/.exec(printedBy('aria2c', ['--version']))?.[1];
  },

  async start(job, scratch) {
    const port = await freePort();
    const doneFile = join(scratch, 'done');
    const hook = join(scratch, 'hook.sh');
    writeFileSync(hook, `#!/bin/sh\ntouch '${doneFile}'\n`);
    chmodSync(hook, 0o755);
    const args = [
      '--no-conf=true',
      '--file-allocation=none',
      '--disk-cache=0',
      '--summary-interval=0',
      '--show-console-readout=false',
      `--dir=${job.folder}`,
      `--listen-port=${port}`,
      '--check-integrity=true',
      '--allow-overwrite=true',
      '--seed-ratio=0.0',
      `--on-bt-download-complete=${hook}`,
      ...(await discoveryFlags(job, scratch)),
      job.torrent,
    ];
    const [program, words] = at(job.host, 'aria2c', args);
    return new HookedRun(new ExternalProcess(program, words, scratch), port, doneFile);
  },
};

async function discoveryFlags(job: Job, scratch: string): Promise<string[]> {
  const usesDht = job.dhtNodes !== undefined;
  const entries = (job.dhtNodes ?? []).map((node) => `--dht-entry-point=${node}`);
  const dht = [...entries, `--dht-listen-port=${await freePort()}`, `--dht-file-path=${join(scratch, 'dht.dat')}`];
  return [
    `--enable-peer-exchange=${String(job.pex ?? false)}`,
    `--bt-enable-lpd=${String(job.lsd ?? false)}`,
    `--enable-dht=${String(usesDht)}`,
    '--enable-dht6=false',
    ...(usesDht ? dht : []),
  ];
}
