/** What can be seen of a database without changing anything there: it is neither made nor migrated, and no lease is taken. */
export interface LedgerFacts {
  /** For people, without a password. */
  readonly name: string
  /** How many of the migrations it has had, and how many there are; 0: there is no ledger yet. */
  readonly version: number
  readonly newest: number
  /** What is in it; null where its schema is another one than this code knows. */
  readonly contents: LedgerContents | null
  /** Null where it is a file. */
  readonly server: ServerFacts | null
}

export interface LedgerContents {
  /** The bot's user id of each channel of which it is known. */
  readonly accounts: ReadonlyMap<string, string>
  /** The channels of which somebody is known. */
  readonly channels: readonly string[]
  /** Whether some process holds the right to deliver. */
  readonly isDelivered: boolean
  /** Why it can't be worked with, in a sentence; null where it can. */
  readonly refusal: string | null
}

/** Of a PostgreSQL server. */
export interface ServerFacts {
  /** As `18.1`. */
  readonly version: string
  /** Its settings `synchronous_commit` and `fsync`. */
  readonly synchronousCommit: string
  readonly fsync: string
  /** Whether it takes no writes, as a standby. */
  readonly isReadOnly: boolean
  /** Whether the user may make tables in the schema, and change those of the ledger. */
  readonly mayMakeTables: boolean
  readonly mayWrite: boolean
}

/** Where the file of a database is, or is going to be. */
export interface Place {
  /** The folder; the nearest that is there, where its own is not made yet. */
  readonly folder: string
  /** What Linux calls `f_type`. */
  readonly type: number
  readonly freeBytes: number
}

/** As `statfs` of node:fs/promises. */
export type LookAtFileSystem = (path: string) => Promise<{
  readonly type: number
  /** Blocks that anybody may use, and their size in bytes. */
  readonly bavail: number
  readonly bsize: number
}>
