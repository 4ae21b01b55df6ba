/** What a link that trades pieces says in its extension handshake (BEP 10). */
import { DONT_HAVE_EXTENSION, DONT_HAVE_EXTENSION_ID } from '../protocol/dont-have-message.js';
import { encodeExtensionHandshake } from '../protocol/extension-handshake.js';
import { packIp } from '../protocol/ip-address.js';
import { MAX_QUEUED_REQUESTS } from '../protocol/limits.js';
import { METADATA_EXTENSION, METADATA_EXTENSION_ID } from '../protocol/metadata-messages.js';
import { PEER_EXCHANGE, PEER_EXCHANGE_ID } from '../protocol/peer-exchange.js';
import type { TorrentSetup } from './worker-messages.js';

/** @returns the payload of the message */
export function encodeOurExtensions(
  { listenPorts, metadataBytes, isPrivate }: TorrentSetup,
  {
    client,
    uploadOnly,
    peerHost,
  }: { readonly client: string; readonly uploadOnly: boolean; readonly peerHost: string },
): Uint8Array {
  const [listenPort, ...extraPorts] = listenPorts;
  const yourIp = packIp(peerHost);
  return encodeExtensionHandshake({
    client,
    requestQueue: MAX_QUEUED_REQUESTS,
    uploadOnly,
    messages: {
      [METADATA_EXTENSION]: METADATA_EXTENSION_ID,
      [DONT_HAVE_EXTENSION]: DONT_HAVE_EXTENSION_ID,
      ...(isPrivate ? {} : { [PEER_EXCHANGE]: PEER_EXCHANGE_ID }),
    },
    ...(metadataBytes === undefined ? {} : { metadataSize: metadataBytes }),
    ...(listenPort === undefined ? {} : { listenPort, extraPorts }),
    ...(yourIp ? { yourIp } : {}),
  });
}
