#!/usr/bin/env node
'use strict';
// CommonJS, because what is set here must be set before any module of ours is loaded: libuv reads the size of its thread
// pool once, and that pool does all file work of all threads.
process.env.UV_THREADPOOL_SIZE ??= '8';
// oclif would read its package.json and load semver at each start, to say what npm said at the installation.
process.env.OCLIF_DISABLE_ENGINE_WARNING ??= '1';

const words = process.argv.slice(2);

/** These hash or transfer: their threads start on the other cores while this one reads the command line. */
const usesThreads =
  /^(create|verify|peer (seed|download|resume))\b/.test(words.slice(0, 2).join(' ')) &&
  !words.some((word) => word === '--help' || word === '-h');

if (words[0] === '--version' || words[0] === '-v' || (words[0] === '--json' && words[1] === '--version')) {
  // Answered here, since loading the command line would double the time it takes.
  const { name, version: release } = require('../package.json');
  const platform = `${process.platform}-${process.arch}`;
  const node = `node-${process.version}`;
  const result = { type: 'result', version: 1, name, release, platform, node };
  console.log(words.includes('--json') ? JSON.stringify(result) : `${name}/${release} ${platform} ${node}`);
} else {
  run();
}

function run() {
  let cli;
  try {
    if (usesThreads) {
      require('../dist/worker-threads.js').startThreadsEarly(words[0] === 'peer' ? 'transfers' : 'hashing');
    }
    cli = require('../dist/cli.js');
  } catch (error) {
    const isUnbuilt =
      error.code === 'MODULE_NOT_FOUND' && !require('node:fs').existsSync(`${__dirname}/../dist/cli.js`);
    const message = isUnbuilt ? 'p2p is not built yet: run "npm run build" first' : String(error.stack ?? error);
    if (words.includes('--json')) {
      const details = {};
      console.log(JSON.stringify({ type: 'error', version: 1, code: 'P2P_BUG', message, details, exitCode: 1 }));
    } else {
      console.error(`Error: ${message}`);
    }
    // Threads may have begun, and would keep the process.
    process.exit(1);
  }
  cli.main(words);
}
