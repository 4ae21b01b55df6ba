import type { Link } from './link.js';
import type { LinkAction } from './worker-messages.js';

/** Performs what is only said to a peer. */
export function tellPeer(
  link: Link,
  action: Extract<
    LinkAction,
    { type: 'admit' | 'show' | 'choke' | 'unchoke' | 'interested' | 'not-interested' | 'exchange-peers' }
  >,
): void {
  switch (action.type) {
    case 'admit':
      link.admit(action.blameKey, action.showsNothing === true);
      return;
    case 'show':
      link.trade?.showPieces(action.pieceIndices, action.isAll);
      return;
    case 'choke':
      link.trade?.choke();
      return;
    case 'unchoke':
      link.trade?.unchoke();
      return;
    case 'interested':
    case 'not-interested':
      link.trade?.setInterested(action.type === 'interested');
      return;
    case 'exchange-peers':
      link.trade?.exchangePeers(action);
      return;
    default:
      action satisfies never;
  }
}
