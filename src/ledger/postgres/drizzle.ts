/** Drizzle, by way of require(): see ../sqlite/drizzle.ts for why. */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

export const { and, desc, eq, inArray, isNull, sql } = require('drizzle-orm') as typeof import('drizzle-orm')
export const { drizzle } = require('drizzle-orm/node-postgres') as typeof import('drizzle-orm/node-postgres')
export const { bigint, boolean, integer, pgTable, text } =
  require('drizzle-orm/pg-core') as typeof import('drizzle-orm/pg-core')
