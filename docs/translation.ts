/**
 * Holds README.ja.md beside README.md. `npm run translated` says which sections of README.md have changed since they were
 * translated; `npm run translated -- 'HEADING'` records that the translation of that one is up to date.
 */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { lexer, type Token, type Tokens, walkTokens } from 'marked'

export const ENGLISH = new URL('../README.md', import.meta.url)
export const JAPANESE = new URL('../README.ja.md', import.meta.url)

export interface Section {
  readonly heading: string
  readonly depth: number
  readonly blocks: readonly Token[]
}

/** A heading and what follows it, up to the next one of any level. */
export function sectionsOf(page: string): Section[] {
  const sections: { heading: string; depth: number; blocks: Token[] }[] = []
  for (const token of lexer(page)) {
    if (token.type === 'heading') sections.push({ heading: token.text, depth: token.depth, blocks: [] })
    else sections.at(-1)?.blocks.push(token)
  }
  return sections
}

/** Changes with every word, and not with where lines are broken. */
export function fingerprintOf({ heading, blocks }: Section): string {
  const text = [heading, ...blocks.map(({ raw }) => raw)].join('\n').replaceAll(/\s+/g, ' ').trim()
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

/** What a Japanese section says under its heading: which English one it translates, and as of which fingerprint. */
const STAMP = /^<!-- README\.md: (?<of>.*?)(?: · (?<fingerprint>[0-9a-f]{12}))? -->/

const stampIn = ({ blocks }: Section) =>
  blocks.map(({ raw }) => STAMP.exec(raw)).find((stamp) => stamp !== null)

/** The heading of the English section that a Japanese one translates. */
export const counterpartOf = (section: Section) => stampIn(section)?.groups?.of

/** The headings of the English sections that are others than those that the Japanese ones were written for. */
export function changedSince(english: string, japanese: string): string[] {
  const known = sectionsOf(japanese).map((section) => stampIn(section)?.groups?.fingerprint)
  return sectionsOf(english)
    .filter((section) => !known.includes(fingerprintOf(section)))
    .map(({ heading }) => heading)
}

/** The Japanese page, where the counterpart of an English section says that it translates what is there now. */
export function confirmed(english: string, japanese: string, heading: string): string {
  const section = sectionsOf(english).find((section) => section.heading === heading)
  if (section === undefined) throw new Error(`README.md has no section “${heading}”.`)
  const counterpart = sectionsOf(japanese).find((section) => counterpartOf(section) === heading)
  const stamp = counterpart && stampIn(counterpart)
  if (!stamp)
    throw new Error(
      `README.ja.md has no section for “${heading}”: put <!-- README.md: ${heading} --> below its heading there.`,
    )
  return japanese.replace(stamp[0], () => `<!-- README.md: ${heading} · ${fingerprintOf(section)} -->`)
}

/**
 * What a translation keeps, a line for each block, list item and table cell: its kind, and, whatever their order, the code,
 * links, pictures and strong words in it. Code blocks are kept byte for byte.
 */
export const shapeOf = ({ depth, blocks }: Section): string[] => [
  `heading ${depth}`,
  ...blocks.flatMap((block) => {
    if (block.type === 'space' || block.raw.startsWith('<!--')) return []
    if (block.type === 'code') return [block.raw.trimEnd()]
    if (block.type === 'list') return block.items.map(itemOf)
    if (block.type === 'table') return [block.header, ...block.rows].map(rowOf)
    return [lineOf(block.type, [block])]
  }),
]

const itemOf = (item: Tokens.ListItem) => lineOf(/^\d/.test(item.raw) ? 'numbered' : 'bulleted', item.tokens)

const rowOf = (cells: readonly Tokens.TableCell[]) =>
  cells.map(({ tokens }) => lineOf('cell', tokens)).join(' | ')

function lineOf(kind: string, tokens: Token[]): string {
  const kept: string[] = []
  walkTokens(tokens, (token) => {
    if (token.type === 'codespan') kept.push(token.raw.replaceAll(/\s+/g, ' '))
    if (token.type === 'code') kept.push(`${token.lang}\n${token.text}`)
    if (token.type === 'link' || token.type === 'image') kept.push(`${token.type} ${sameInBoth(token.href)}`)
    if (token.type === 'strong' || token.type === 'list_item') kept.push(token.type)
    if (token.type === 'html')
      kept.push(...(token.raw.match(/\b(src|srcset|href|width|media)="[^"]*"/g) ?? []))
  })
  return [kind, ...kept.sort()].join(' · ')
}

/** Each README links to the other one, and the Japanese to Braze's documentation in Japanese. */
const sameInBoth = (target: string) =>
  target.replace(/^README(\.ja)?\.md$/, 'the other README').replace('braze.com/docs/ja/', 'braze.com/docs/')

/** What is to be done about a section that has changed. */
export const todo = (heading: string) =>
  `README.md's section “${heading}” has changed since it was translated: ` +
  `carry the change over to README.ja.md, then run npm run translated -- '${heading.replaceAll("'", "'\\''")}'`

if (import.meta.main) {
  const english = readFileSync(ENGLISH, 'utf8')
  const japanese = process.argv
    .slice(2)
    .reduce((page, heading) => confirmed(english, page, heading), readFileSync(JAPANESE, 'utf8'))
  writeFileSync(JAPANESE, japanese)
  const changed = changedSince(english, japanese)
  process.stdout.write(
    changed.length === 0
      ? 'README.ja.md translates README.md as it is.\n'
      : changed.map((heading) => `${todo(heading)}\n`).join(''),
  )
}
