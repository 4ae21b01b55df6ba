/** Several contestants measured in turn, so that a slow moment of the machine falls on all of them. */

/** What came of one contestant: its runs, and why there are not more of them. */
export interface Turns<Contestant, Result> {
  readonly contestant: Contestant;
  readonly results: readonly Result[];
  /** The message of what a run threw: the contestant sat out afterwards. */
  readonly failure?: string;
}

export interface TurnSetup<Contestant> {
  /** How often each is measured, at least once. */
  readonly runs: number | ((contestant: Contestant) => number);
  /** Rounds before, whose results are not kept. */
  readonly warmUps?: number;
  /** Told at once, since the rows come at the end. */
  readonly onFailure?: (contestant: Contestant, message: string) => void;
}

/**
 * A round measures each contestant once, in the order that they are given.
 * @param measure one run; `round` counts from 0, warm-ups included
 */
export async function takeTurns<Contestant, Result>(
  contestants: readonly Contestant[],
  { runs, warmUps = 0, onFailure }: TurnSetup<Contestant>,
  measure: (contestant: Contestant, round: number) => Promise<Result>,
): Promise<Turns<Contestant, Result>[]> {
  const runsOf = (contestant: Contestant): number => (typeof runs === 'number' ? runs : runs(contestant));
  const all = contestants.map((contestant) => ({
    contestant,
    results: [] as Result[],
    failure: undefined as string | undefined,
  }));
  const rounds = warmUps + Math.max(0, ...contestants.map(runsOf));
  for (let round = 0; round < rounds; round += 1) {
    for (const one of all) {
      if (one.failure !== undefined || round >= warmUps + runsOf(one.contestant)) continue;
      try {
        const result = await measure(one.contestant, round);
        if (round >= warmUps) one.results.push(result);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        one.failure = error.message;
        onFailure?.(one.contestant, error.message);
      }
    }
  }
  return all.map(({ failure, ...rest }) => ({ ...rest, ...(failure !== undefined && { failure }) }));
}
