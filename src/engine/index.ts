/** What the package offers to programs: `import { openEngine } from 'p2p-fileshare'`. */
export { openEngine } from './engine.js';
export type * from './engine-types.js';
export { startTracker, type RunningTracker, type TrackerOptions } from '../tracker/start-tracker.js';
