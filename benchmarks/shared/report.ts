/**
 * What a benchmark tells `scripts/bench.mjs`: rows and charts as JSON lines on stdout, progress for people on stderr.
 *
 *     const report = new Report({ benchmark: 'create', settings: { size: '1G' }, versions: { mktorrent: '1.1' } });
 *     report.chart({ name: 'create', title: 'create: 1 GiB', figure: 'wallSeconds', unit: 's' });
 *     report.row({ case: 'dual-hash', client: 'p2p', wallSeconds: spread(seconds, 2) });
 *     report.row({ case: 'dual-hash', client: 'mktorrent', note: 'not installed: apt-get install mktorrent' });
 */
import { environment } from './statistics.js';

/** One line of the table. Figures are numbers or `Spread`s; their names carry the unit. */
export interface Row {
  /** What was done: rows of one case are compared with one another, and stand together in a chart. */
  readonly case: string;
  /** Who did it; those that begin with `p2p` are ours. */
  readonly client?: string;
  /** Why there are no figures, or what to know about them. */
  readonly note?: string;
  readonly [figure: string]: unknown;
}

/** A chart of one figure: a group of bars for each case. */
export interface ChartSpec {
  /** The file's name, without `.svg`: that of the benchmark, or beginning with it. */
  readonly name: string;
  readonly title: string;
  /** Which field of the rows is shown. */
  readonly figure: string;
  /** Stands behind each value. */
  readonly unit: string;
  /** A field of the rows with the best value that is possible, drawn as a mark. */
  readonly bound?: { readonly figure: string; readonly label: string };
  /** Each case has a scale of its own, where their values are far apart. */
  readonly isScaledByCase?: boolean;
}

export interface ReportSetup {
  readonly benchmark: string;
  /** What was asked for, so that somebody else can ask for the same. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Of the programs that took part. */
  readonly versions?: Readonly<Record<string, string>>;
}

export class Report {
  readonly #setup: ReportSetup;
  readonly #write: (line: string) => void;

  /** @param write takes a line; stdout unless a test listens */
  constructor(setup: ReportSetup, write: (line: string) => void = (line) => process.stdout.write(`${line}\n`)) {
    this.#setup = setup;
    this.#write = write;
  }

  row(row: Row): void {
    this.#write(JSON.stringify({ benchmark: this.#setup.benchmark, ...row, ...this.#shared() }));
  }

  chart(spec: ChartSpec): void {
    this.#write(JSON.stringify({ type: 'chart', ...spec }));
  }

  /** For whoever waits. */
  progress(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  #shared(): object {
    const { settings, versions } = this.#setup;
    return { settings, ...(versions && { versions }), ...environment() };
  }
}
