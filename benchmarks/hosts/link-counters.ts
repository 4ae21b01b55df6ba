/** The kernel's table of network devices. */

/**
 * @param text of `/proc/PID/net/dev`
 * @returns bytes that each device received: on the switch, what the host behind the link sent
 */
export function parseLinkCounters(text: string): ReadonlyMap<string, number> {
  const counters = new Map<string, number>();
  for (const [, name = '', received = ''] of text.matchAll(/^\s*([^\s:|]+):\s*(\d+)/gm)) {
    counters.set(name, Number(received));
  }
  return counters;
}
