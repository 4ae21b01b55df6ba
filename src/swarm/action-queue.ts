/** Actions in the order in which they were decided. */
/** A queue whose `shift` is O(1) however long it is: a torrent of small pieces decides thousands at once. */
export class ActionQueue<Action> {
  #actions: Action[] = [];
  #next = 0;

  push(action: Action): void {
    this.#actions.push(action);
  }

  shift(): Action | undefined {
    const action = this.#actions[this.#next];
    this.#next += 1;
    if (action === undefined) {
      this.#actions = [];
      this.#next = 0;
    }
    return action;
  }
}
