/** What the package offers to programs: `import { openEngine } from 'p2p-fileshare'`. */
export type * from './engine-types.js';
