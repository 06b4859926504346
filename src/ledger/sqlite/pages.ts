/** SQLite's file format: https://www.sqlite.org/fileformat.html, "B-tree Pages" and "The Freelist". */
const FILE_HEADER_BYTES = 100
const RESERVED_AT = 20
const FREELIST_AT = 32
/** Not 0 with `auto_vacuum`. */
const LARGEST_ROOT_AT = 52
const POINTER_MAP_ENTRY_BYTES = 5
const PENDING_BYTE = 0x40000000
const LEAVES = [10, 13]
const INTERIORS = [2, 5]
const FREEBLOCK_HEADER_BYTES = 4
const TRUNK_HEADER_BYTES = 8

export type Range = readonly [from: number, to: number]

/**
 * Where something is left that no row has on a page: in the gap between its pointers and its cells, and in the blocks between
 * cells; or anywhere, where the page is free. What is there may be written over.
 *
 * @param read brings another page of the same moment
 */
export function remainsOn(page: number, bytes: Buffer, read: (page: number) => Buffer): Range[] {
  const first = page === 1 ? bytes : read(1)
  const usableBytes = bytes.length - first.readUInt8(RESERVED_AT)
  return freeRanges(page, bytes, { first, usableBytes, read }).filter(([from, to]) =>
    bytes.subarray(from, Math.max(from, to)).some((byte) => byte !== 0),
  )
}

interface File {
  readonly first: Buffer
  readonly usableBytes: number
  readonly read: (page: number) => Buffer
}

function freeRanges(page: number, bytes: Buffer, { first, usableBytes, read }: File): Range[] {
  if (first.readUInt32BE(LARGEST_ROOT_AT) > 0 && isPointerMap(page, bytes.length, usableBytes)) return []
  const trunks = trunksOf(first, read)
  if (trunks.has(page)) return [trunkGap(bytes, usableBytes)]
  if ([...trunks.values()].some((leaves) => leaves.has(page))) return [[0, usableBytes]]
  return gapsOf(bytes, page === 1 ? FILE_HEADER_BYTES : 0, usableBytes)
}

/** Of these pages the first byte is that of an entry. */
function isPointerMap(page: number, pageBytes: number, usableBytes: number): boolean {
  const pagesEach = Math.floor(usableBytes / POINTER_MAP_ENTRY_BYTES) + 1
  const map = Math.floor((page - 2) / pagesEach) * pagesEach + 2
  // The page of SQLite's locks is none.
  return page >= 2 && page === (map === PENDING_BYTE / pageBytes + 1 ? map + 1 : map)
}

/** The pages of the free list that name others, and whom they name. */
function trunksOf(first: Buffer, read: (page: number) => Buffer): ReadonlyMap<number, ReadonlySet<number>> {
  const trunks = new Map<number, ReadonlySet<number>>()
  for (let page = first.readUInt32BE(FREELIST_AT); page !== 0 && !trunks.has(page); ) {
    const trunk = read(page)
    const count = Math.min(trunk.readUInt32BE(4), (trunk.length - TRUNK_HEADER_BYTES) / 4)
    const leaves = Array.from({ length: count }, (_, i) => trunk.readUInt32BE(TRUNK_HEADER_BYTES + i * 4))
    trunks.set(page, new Set(leaves))
    page = trunk.readUInt32BE(0)
  }
  return trunks
}

const trunkGap = (bytes: Buffer, usableBytes: number): Range => [
  TRUNK_HEADER_BYTES + bytes.readUInt32BE(4) * 4,
  usableBytes,
]

function gapsOf(bytes: Buffer, headerAt: number, usableBytes: number): Range[] {
  const kind = bytes.readUInt8(headerAt)
  // Part of a row that is longer than a page, of which there are none: nothing there is free.
  if (![...LEAVES, ...INTERIORS].includes(kind)) return []
  const cells = bytes.readUInt16BE(headerAt + 3)
  const pointersEnd = headerAt + (INTERIORS.includes(kind) ? 12 : 8) + cells * 2
  const contentAt = bytes.readUInt16BE(headerAt + 5) || 65_536
  const ranges: Range[] = [[pointersEnd, Math.min(contentAt, usableBytes)]]
  // They are in the order of their places.
  for (let at = bytes.readUInt16BE(headerAt + 1); at !== 0; ) {
    const next = bytes.readUInt16BE(at)
    ranges.push([at + FREEBLOCK_HEADER_BYTES, at + bytes.readUInt16BE(at + 2)])
    at = next > at ? next : 0
  }
  return ranges
}
