import type { Failure } from '../ledger/ledger.ts'

/** Those whom Braze rejected for one reason. */
export interface Reason {
  /** Braze's words, without what differs from person to person. */
  readonly reason: string
  readonly count: number
  /** Some of them. */
  readonly examples: readonly Failure[]
}

const MOST_EXAMPLES = 3
/** Words of which there are more than that have something in them that nobody can take out. */
const MOST_REASONS = 1_000
const OTHERS = 'for many other reasons'

/** What stands for an id in a reason. */
const ID = '…'
/** UUIDs; ids of LINE's, hashes, tokens; addresses of mail; and numbers. */
const IDS = [
  /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi,
  /\bU[0-9a-f]{32}\b/g,
  /[^\s@"'<>()]+@[^\s@"'<>()]+\.[a-z]{2,}\b/gi,
  /\b(?=\w*\d)(?=\w*[a-z])\w{8,}\b/gi,
  /\b\d+(?:\.\d+)?\b/g,
]

/** Braze's words without ids, so that those of several people are the same. */
export function reasonOf({
  failure,
  address,
  userId,
}: Pick<Failure, 'failure' | 'address' | 'userId'>): string {
  const names = [
    ...('externalId' in address ? [address.externalId] : []),
    ...(userId === null ? [] : [userId]),
  ]
  // The longest first: one may be a part of the other.
  const named = names
    .sort((a, b) => b.length - a.length)
    .reduce((text, name) => replaceWord(text, name), failure)
  return IDS.reduce((text, id) => text.replace(id, ID), named)
    .replace(/\s+/g, ' ')
    .trim()
}

const ENDS_WITHIN_WORD = /[\p{L}\p{N}]$/u
const GOES_ON_WITHIN_WORD = /^[\p{L}\p{N}]/u

/**
 * Not within words: an external id can be as short as `a`. An expression made of each name would cost milliseconds, during
 * which a server takes no webhook.
 */
function replaceWord(text: string, name: string): string {
  let said = ''
  let from = 0
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, Math.max(from, at + 1))) {
    const end = at + name.length
    if (ENDS_WITHIN_WORD.test(text.slice(0, at)) || GOES_ON_WITHIN_WORD.test(text.slice(end))) continue
    said += text.slice(from, at) + ID
    from = end
  }
  return said + text.slice(from)
}

/** Whether these words stand in what Braze said, or in the reason that is made of it, in whatever case. */
export function isFor(failure: Failure, words: string): boolean {
  const wanted = words.toLowerCase()
  return [failure.failure, reasonOf(failure)].some((text) => text.toLowerCase().includes(wanted))
}

/** Counts failures by reason, however many they are. */
export function createReasons() {
  const groups = new Map<string, { count: number; examples: Failure[] }>()
  let total = 0

  return {
    add(failure: Failure) {
      total += 1
      const words = reasonOf(failure)
      const reason = groups.has(words) || groups.size < MOST_REASONS ? words : OTHERS
      const group = groups.get(reason) ?? { count: 0, examples: [] }
      groups.set(reason, group)
      group.count += 1
      if (group.examples.length < MOST_EXAMPLES) group.examples.push(failure)
    },
    get total() {
      return total
    },
    /** The most frequent first. */
    list: (): Reason[] =>
      [...groups]
        .map(([reason, group]) => ({ reason, ...group }))
        .sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1)),
  }
}

export type Reasons = ReturnType<typeof createReasons>
