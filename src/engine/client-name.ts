/** What peers, trackers and .torrent files are told of this program. */
import { PACKAGE_VERSION } from './package-version.js';

export const CLIENT = `p2p ${PACKAGE_VERSION}`;
