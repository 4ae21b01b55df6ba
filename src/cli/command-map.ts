/** Every command by its oclif id. A bundle has no folder that oclif could search. */
import { Create } from '../commands/create.js';
import { DhtStart } from '../commands/dht/start.js';
import { Hashes } from '../commands/hashes.js';
import { List } from '../commands/list.js';
import { Magnet } from '../commands/magnet.js';
import { Peer } from '../commands/peer.js';
import { PeerDownload } from '../commands/peer/download.js';
import { PeerRemove } from '../commands/peer/remove.js';
import { PeerResume } from '../commands/peer/resume.js';
import { PeerSeed } from '../commands/peer/seed.js';
import { Show } from '../commands/show.js';
import { Status } from '../commands/status.js';
import { TrackerStart } from '../commands/tracker/start.js';
import { Verify } from '../commands/verify.js';

/** Named in package.json, `oclif.commands.identifier`. */
export const COMMANDS = {
  create: Create,
  'dht:start': DhtStart,
  hashes: Hashes,
  list: List,
  magnet: Magnet,
  peer: Peer,
  'peer:download': PeerDownload,
  'peer:remove': PeerRemove,
  'peer:resume': PeerResume,
  'peer:seed': PeerSeed,
  show: Show,
  status: Status,
  'tracker:start': TrackerStart,
  verify: Verify,
} as const;
