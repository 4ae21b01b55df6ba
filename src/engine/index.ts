/** What the package offers to programs: `import { openEngine } from 'p2p-fileshare'`. See docs/programs.md. */
export { openEngine } from './engine.js';
export { StatusReader } from './read-status.js';
export { removeCopy, type RemovedCopy } from './remove-copy.js';
export type * from './status-types.js';
export type * from './engine-types.js';
export { P2pError, type ErrorCode, type ErrorDetails, type ErrorValue } from '../errors.js';
export type { HashAlgorithm, Hasher } from '../hashing/hash-algorithm.js';
export type { InfoHash, Metainfo, MetainfoFile, MetainfoKind } from '../metainfo/metainfo.js';
export type { LinkSnapshot, SwarmSnapshot, TrackerSnapshot } from '../swarm/swarm-snapshot.js';
export { startDhtNode, type DhtNodeOptions, type RunningDhtNode } from './start-dht-node.js';
export { startTracker, type RunningTracker, type TrackerOptions } from '../tracker/start-tracker.js';
export type { TrackerStats } from '../tracker/tracker-stats.js';
