/**
 * Memory for the peers of all swarms: runs of records, cut from pages. Most swarms are of a few peers, and a typed array
 * for each of those would cost several times what it holds. A page holds runs of one length; a page of which no run is
 * in use is given back. Long runs have a page of their own. Thread: the tracker's only one.
 */

/** Some memory that is cut into runs of equal length. */
export class SlabPage {
  readonly bytes: Uint8Array;
  /** The same memory by four bytes, in the order of this machine. */
  readonly words: Uint32Array;
  /** Records of a run. */
  readonly capacity: number;
  /** Runs that are not in use, by the offset of their first byte. */
  readonly free: number[] = [];
  readonly runCount: number;
  /** Its place among the pages that have room, or -1. */
  roomIndex = -1;

  constructor(capacity: number, runCount: number, recordBytes: number) {
    this.capacity = capacity;
    this.runCount = runCount;
    this.bytes = new Uint8Array(capacity * runCount * recordBytes);
    this.words = new Uint32Array(this.bytes.buffer);
    for (let run = runCount - 1; run >= 0; run -= 1) this.free.push(run * capacity * recordBytes);
  }
}

/** Lengths of runs that share pages; each is at most half as long again as the one before. */
const SHARED_CAPACITIES = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32] as const;
const PAGE_BYTES = 65_536;
const LONGEST_SHARED = 32;

export class RecordSlab {
  readonly #recordBytes: number;
  /** Pages with a run to give, by capacity. */
  readonly #withRoom = new Map<number, SlabPage[]>();

  /** @param recordBytes a multiple of 4 */
  constructor(recordBytes: number) {
    this.#recordBytes = recordBytes;
    for (const capacity of SHARED_CAPACITIES) this.#withRoom.set(capacity, []);
  }

  /**
   * A page with a free run of so many records, or somewhat more. `takeRun` of it must follow before the next call.
   * @param recordCount at least 1
   */
  pageFor(recordCount: number): SlabPage {
    const capacity = capacityFor(recordCount);
    const pages = this.#withRoom.get(capacity);
    if (!pages) return new SlabPage(capacity, 1, this.#recordBytes);
    let page = pages.at(-1);
    if (!page) {
      page = new SlabPage(capacity, Math.floor(PAGE_BYTES / (capacity * this.#recordBytes)), this.#recordBytes);
      page.roomIndex = pages.push(page) - 1;
    }
    return page;
  }

  /** Takes a run of a page. @returns the offset of its first byte */
  takeRun(page: SlabPage): number {
    const offset = page.free.pop() ?? 0;
    const pages = this.#withRoom.get(page.capacity);
    if (pages && page.free.length === 0) leave(pages, page);
    return offset;
  }

  /** Gives a run back. */
  giveRun(page: SlabPage, offset: number): void {
    const pages = this.#withRoom.get(page.capacity);
    if (!pages) return;
    page.free.push(offset);
    if (page.roomIndex < 0) page.roomIndex = pages.push(page) - 1;
    // One page is kept, so that one run taken and given in turn does not make a page each time.
    else if (page.free.length === page.runCount && pages.length > 1) leave(pages, page);
  }
}

/** The length of the run that is given for so many records. */
export function capacityFor(recordCount: number): number {
  if (recordCount > LONGEST_SHARED) return Math.ceil(recordCount * 1.25);
  return SHARED_CAPACITIES.find((capacity) => capacity >= recordCount) ?? LONGEST_SHARED;
}

/** Takes a page out of the list; the last one takes its place. */
function leave(pages: SlabPage[], page: SlabPage): void {
  const last = pages.pop();
  if (last && last !== page) {
    pages[page.roomIndex] = last;
    last.roomIndex = page.roomIndex;
  }
  page.roomIndex = -1;
}
