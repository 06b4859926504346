/**
 * Drizzle, by way of require(). Its package.json has 180 KB, and Node's loader of ES modules reads that anew for each of
 * Drizzle's modules: measured, import takes most of a second and 180 MiB more of memory than this.
 */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

export const { and, asc, desc, eq, inArray, isNull, max, sql } =
  require('drizzle-orm') as typeof import('drizzle-orm')
export const { drizzle } =
  require('drizzle-orm/better-sqlite3') as typeof import('drizzle-orm/better-sqlite3')
export type Drizzle = ReturnType<typeof drizzle>
export const { integer, sqliteTable, text } =
  require('drizzle-orm/sqlite-core') as typeof import('drizzle-orm/sqlite-core')
