/**
 * Programs for `two-hosts.integration.ts`, which start in another network namespace:
 *
 *     tracker STATE_DIR                 prints the tracker's port, runs until its stdin ends
 *     announce '{"url": …}'             prints the reply as JSON
 */
import { once } from 'node:events';
import { announce, type AnnounceRequest } from '../../src/tracker/announce-client.js';
import { startTracker } from '../../src/tracker/start-tracker.js';

const [task, argument = ''] = process.argv.slice(2);
if (task === 'tracker') {
  const tracker = await startTracker({ port: 0, stateDir: argument });
  console.log(tracker.port);
  await once(process.stdin.resume(), 'end');
  await tracker.close();
} else {
  console.log(JSON.stringify(await announce(JSON.parse(argument) as AnnounceRequest)));
}
