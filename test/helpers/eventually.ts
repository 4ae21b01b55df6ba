/** Waiting for what nobody announces, such as what a tracker knows: asked again and again, under a limit. */
import { setTimeout as delay } from 'node:timers/promises';

/** Asks until the answer is yes. @throws after `limitMs`, naming `what` */
export async function eventually(what: string, ask: () => Promise<boolean>, limitMs = 20_000): Promise<void> {
  const startedAtMs = performance.now();
  while (!(await ask())) {
    if (performance.now() - startedAtMs > limitMs) throw new Error(`waited ${limitMs} ms for ${what}`);
    await delay(25);
  }
}
