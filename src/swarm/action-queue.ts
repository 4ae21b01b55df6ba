/** Actions in the order in which they were decided. */
import type { SwarmAction } from './swarm-events.js';

/** A queue whose `shift` is O(1) however long it is: a torrent of small pieces decides thousands at once. */
export class ActionQueue {
  #actions: SwarmAction[] = [];
  #next = 0;

  push(action: SwarmAction): void {
    this.#actions.push(action);
  }

  shift(): SwarmAction | undefined {
    const action = this.#actions[this.#next];
    this.#next += 1;
    if (action === undefined) {
      this.#actions = [];
      this.#next = 0;
    }
    return action;
  }
}
