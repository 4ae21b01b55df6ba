/**
 * What goes into `MetadataSwarm.handle` and what comes out of `MetadataSwarm.poll`: the conversation between the search
 * for a torrent's metadata and whoever performs it. What both have in common is that of `Swarm`.
 */
import type { SwarmAction, SwarmEvent } from './swarm-events.js';

/** What a worker tells of a link that metadata may come from. */
export type MetadataLinkEvent =
  /** The peer's extension handshake, each time that one comes; `sizeBytes` is undefined when it has none to give. */
  | {
      readonly type: 'metadata-offered';
      readonly linkId: number;
      readonly sizeBytes: number | undefined;
      readonly listenPort: number | undefined;
    }
  | { readonly type: 'metadata-received'; readonly linkId: number; readonly receivedBytes: number }
  /** It came whole; `bytes` is undefined when the info hash does not hold for it. */
  | { readonly type: 'metadata-whole'; readonly linkId: number; readonly bytes: Uint8Array | undefined };

export type MetadataEvent =
  | MetadataLinkEvent
  | Extract<
      SwarmEvent,
      {
        readonly type:
          | 'peers-found'
          | 'dial-failed'
          | 'link-handshaken'
          | 'link-closed'
          | 'announce-succeeded'
          | 'announce-failed'
          | 'wake'
          | 'stop';
      }
    >;

export type MetadataAction =
  | Extract<SwarmAction, { readonly type: 'dial' | 'admit' | 'close' | 'ban' | 'announce' }>
  /** Ask this peer for all of it. */
  | { readonly type: 'fetch-metadata'; readonly linkId: number }
  /** The search is over. Once. */
  | { readonly type: 'metadata-found'; readonly bytes: Uint8Array };
