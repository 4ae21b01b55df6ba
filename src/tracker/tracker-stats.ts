/** What the tracker counts, as a value and as Prometheus text (exposition format 0.0.4). */
import type { AnnounceQueryEvent } from './announce-query.js';

export interface TrackerStats {
  readonly uptimeMs: number;
  /** Torrents with at least one peer. */
  readonly torrents: number;
  readonly peers: number;
  readonly seeders: number;
  readonly catalogueEntries: number;
  /** Accepted announces by event. */
  readonly announces: Readonly<Record<AnnounceQueryEvent, number>>;
  readonly scrapes: number;
  /** Torrents that were published, those that stood there already included. */
  readonly published: number;
  /** Announces, scrapes and uploads that were refused. */
  readonly rejected: number;
  /** HTTP answers by status. */
  readonly responses: Readonly<Record<string, number>>;
  /** Packets over UDP: those that were answered by what they asked, or with an error, and those that got no answer. */
  readonly udpPackets: Readonly<Record<UdpPacketKind, number>>;
  /** Resident memory of the process. */
  readonly memoryBytes: number;
}

/** What became of a packet over UDP. */
export type UdpPacketKind = 'connect' | 'announce' | 'scrape' | 'error' | 'dropped';

/** Counts what happens; the tracker's state is asked for when the stats are. */
export class TrackerCounters {
  readonly announces: Record<AnnounceQueryEvent, number> = {
    started: 0,
    stopped: 0,
    completed: 0,
    paused: 0,
    none: 0,
  };
  readonly responses: Record<string, number> = {};
  readonly udpPackets: Record<UdpPacketKind, number> = { connect: 0, announce: 0, scrape: 0, error: 0, dropped: 0 };
  scrapes = 0;
  published = 0;
  rejected = 0;

  /** Counts an HTTP answer. */
  countResponse(status: number): void {
    this.responses[status] = (this.responses[status] ?? 0) + 1;
  }
}

/** The stats as text for Prometheus. */
export function formatMetrics(stats: TrackerStats): string {
  const lines: string[] = [];
  const add = (name: string, type: 'counter' | 'gauge', help: string, samples: Record<string, number>): void => {
    lines.push(`# HELP p2p_tracker_${name} ${help}`, `# TYPE p2p_tracker_${name} ${type}`);
    for (const [labels, value] of Object.entries(samples)) lines.push(`p2p_tracker_${name}${labels} ${value}`);
  };
  add('announces_total', 'counter', 'Accepted announces by event.', labelled('event', stats.announces));
  add('scrapes_total', 'counter', 'Answered scrapes.', { '': stats.scrapes });
  add('rejected_total', 'counter', 'Announces, scrapes and uploads refused.', { '': stats.rejected });
  add('published_total', 'counter', 'Torrents published to the catalogue.', { '': stats.published });
  add('http_responses_total', 'counter', 'HTTP answers by status.', labelled('status', stats.responses));
  add('udp_packets_total', 'counter', 'Packets over UDP by what became of them.', labelled('kind', stats.udpPackets));
  add('peers', 'gauge', 'Peers known now, seeders among them.', { '': stats.peers });
  add('seeders', 'gauge', 'Peers that have everything.', { '': stats.seeders });
  add('torrents', 'gauge', 'Torrents with at least one peer.', { '': stats.torrents });
  add('catalogue_entries', 'gauge', 'Torrents in the catalogue.', { '': stats.catalogueEntries });
  add('uptime_seconds', 'gauge', 'Seconds since the tracker was started.', { '': stats.uptimeMs / 1000 });
  add('memory_bytes', 'gauge', 'Resident memory of the process.', { '': stats.memoryBytes });
  return `${lines.join('\n')}\n`;
}

function labelled(name: string, values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([label, value]) => [`{${name}="${label}"}`, value]));
}
