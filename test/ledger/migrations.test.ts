/** Migrations only add: while a release is rolled out, the one before it works on with the tables that the new one has changed. */
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'

/** What the release before does not survive, in a statement without its comments. */
const BREAKING: readonly (readonly [string, RegExp])[] = [
  ['takes something away', /^(DROP|TRUNCATE|DELETE)\b|^ALTER .*\bDROP (?!NOT NULL|DEFAULT)/],
  ['renames something', /^ALTER .*\bRENAME\b/],
  ['changes a column', /^ALTER .*\bALTER\b.*\b(TYPE|SET NOT NULL|DROP DEFAULT)\b/],
  ['adds a column that cannot be left out', /^ALTER .*\bADD\b(?!.*\bDEFAULT\b).*\bNOT NULL\b/],
  ['asks more of what is written', /^ALTER .*\bADD\b.*\b(CHECK|UNIQUE|REFERENCES|CONSTRAINT)\b/],
  ['does something of its own', /^CREATE (OR REPLACE )?(TRIGGER|RULE)\b/],
  ['refuses what is there twice', /^CREATE UNIQUE INDEX\b/],
]
/** Of tables that the same file makes nobody knows yet. */
const isOfNewTable = (statement: string, all: readonly string[]) => {
  const table = /\b(?:ON|TABLE) (\w+)/.exec(statement)?.[1]
  return all.some((other) => other.startsWith(`CREATE TABLE ${table} `))
}

function breaksOf(sql: string): string[] {
  const statements = sql
    .replaceAll(/--.*$/gm, '')
    .split(';')
    .map((statement) => statement.replaceAll(/\s+/g, ' ').trim())
  return statements.flatMap((statement) =>
    isOfNewTable(statement, statements)
      ? []
      : BREAKING.filter(([, pattern]) => pattern.test(statement)).map(([what]) => `${what}: ${statement}`),
  )
}

t.test('what the release before does not survive is seen', async (t) => {
  for (const sql of [
    'DROP TABLE contacts;',
    'DROP INDEX contacts_news;',
    'ALTER TABLE contacts DROP COLUMN was;',
    'ALTER TABLE contacts\n  RENAME COLUMN was TO before;',
    'ALTER TABLE runs RENAME TO walks;',
    'ALTER TABLE contacts ALTER COLUMN term TYPE bigint;',
    'ALTER TABLE contacts ALTER COLUMN run SET NOT NULL;',
    'ALTER TABLE customers ALTER revision DROP DEFAULT;',
    'ALTER TABLE contacts ADD COLUMN shard integer NOT NULL;',
    'ALTER TABLE contacts ADD CHECK (term > 0);',
    'CREATE UNIQUE INDEX nonces_once ON nonces (user_id);',
    'CREATE TRIGGER counted AFTER INSERT ON contacts BEGIN SELECT 1;',
    '-- harmless\nDELETE FROM touched;',
  ])
    t.equal(breaksOf(sql).length, 1, sql)
  for (const sql of [
    'CREATE TABLE more (id integer NOT NULL); CREATE UNIQUE INDEX more_once ON more (id); -- DROP TABLE contacts',
    'ALTER TABLE contacts ADD COLUMN shard integer;',
    'ALTER TABLE contacts ADD COLUMN shard integer NOT NULL DEFAULT 0;',
    'ALTER TABLE contacts ALTER COLUMN term DROP NOT NULL;',
    'CREATE INDEX runs_old ON runs (as_of);',
    'UPDATE counts SET waiting = 0;',
  ])
    t.strictSame(breaksOf(sql), [], sql)
})

/** The newest file of a time when no two releases could work on the same tables. */
for (const [database, first] of [
  ['postgres', '0001_ledger.sql'],
  ['sqlite', '0005_identity.sql'],
] as const)
  t.test(`migrations of ${database} after ${first} only add`, async (t) => {
    const folder = `${import.meta.dirname}/../../migrations/${database}/`
    const files = readdirSync(folder).sort()
    t.ok(files.includes(first))
    for (const file of files.filter((file) => file > first))
      t.strictSame(breaksOf(readFileSync(folder + file, 'utf8')), [], file)
  })
