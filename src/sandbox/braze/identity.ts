import { type Reply, refusal } from '../answers.ts'
import type { DashboardEndpoint, Endpoint } from './endpoints.ts'
import {
  aliasOf,
  type Identifier,
  isObject,
  isText,
  readAlias,
  readExternalId,
  readIdentifier,
} from './identifier.ts'
import type { Joining } from './joining.ts'

/** What one valid item asks Braze to do. */
export interface Change {
  /** Whom it is about. */
  targets: readonly Identifier[]
  item: unknown
  apply: () => void
}

/** What an endpoint answers, and what it queued. */
export interface Judged extends Reply {
  changes: Change[]
}

/** How one endpoint reads its items: a change, or what is wrong in Braze's manner. */
interface Kind {
  list: string
  read: (item: Record<string, unknown>, joining: Joining) => Omit<Change, 'item'> | string
  answer: (changes: Change[], errors: object[]) => Reply
}

export type IdentityEndpoint = Exclude<Endpoint, '/users/track' | '/users/export/ids' | DashboardEndpoint>

/** Most items of one request. */
const maxItems = 50

/** Judges a parsed body; a success says that it is well-formed, and nothing of what will come of it. [IDENT] [ALIAS] [RENAME] [MERGE] [DELETE] */
export function judgeIdentity(endpoint: IdentityEndpoint, body: unknown, joining: Joining): Judged {
  if (endpoint === '/users/delete') return judgeDelete(body, joining)
  const { list, read, answer } = kinds[endpoint]
  const items = isObject(body) ? body[list] : undefined
  if (!Array.isArray(items) || items.length === 0)
    return none(refusal(400, `'${list}' must be an array of objects`))
  if (items.length > maxItems)
    return none(refusal(400, `At most ${maxItems} objects may be sent in '${list}'`))
  const changes: Change[] = []
  const errors: object[] = []
  for (const [index, item] of items.entries()) {
    const change = isObject(item) ? read(item, joining) : `Each object of '${list}' must be an object`
    if (typeof change === 'string') errors.push({ type: change, input_array: list, index })
    else changes.push({ ...change, item })
  }
  const reply = answer(changes, errors)
  return { ...reply, changes: reply.status < 300 ? changes : [] }
}

/** Identifiers of one kind alone. What is unknown is not counted. [DELETE] */
function judgeDelete(body: unknown, { isKnown, remove }: Joining): Judged {
  const lists = isObject(body) ? DELETABLE.filter((list) => body[list] !== undefined) : []
  const [list] = lists
  const items = list === undefined ? undefined : (body as Record<string, unknown>)[list]
  if (lists.length !== 1 || !Array.isArray(items) || items.length === 0)
    return none(refusal(400, `Exactly one of '${DELETABLE.join("' and '")}' must be a non-empty array`))
  if (items.length > maxItems) return none(refusal(400, `At most ${maxItems} users may be deleted at once`))
  const targets = items.map((item) => (list === 'user_aliases' ? readAlias(item) : readExternalId(item)))
  const fault = targets.find((target) => typeof target === 'string')
  if (fault !== undefined) return none(refusal(400, fault as string))
  const known = (targets as Identifier[]).filter(isKnown)
  return {
    status: 201,
    body: { message: 'success', deleted: known.length },
    changes: known.map((target, index) => ({
      targets: [target],
      item: items[index],
      apply: () => remove(target),
    })),
  }
}

/** Those of Braze's kinds of identifiers that there are here. */
const DELETABLE = ['external_ids', 'user_aliases']

const kinds: Record<Exclude<IdentityEndpoint, '/users/delete'>, Kind> = {
  '/users/identify': {
    list: 'aliases_to_identify',
    read({ external_id, user_alias }, { identify }) {
      const [alias, customer] = [readAlias(user_alias), readExternalId(external_id)]
      if (typeof alias === 'string') return alias
      if (typeof customer === 'string') return customer
      return { targets: [alias, customer], apply: () => identify(alias, customer) }
    },
    answer: processed,
  },
  '/users/alias/new': {
    list: 'user_aliases',
    read(item, { addAlias }) {
      const alias = readAlias(item)
      const customer = item.external_id === undefined ? null : readExternalId(item.external_id)
      if (typeof alias === 'string') return alias
      if (typeof customer === 'string') return customer
      return { targets: customer ? [alias, customer] : [alias], apply: () => addAlias(alias, customer) }
    },
    answer: processed,
  },
  '/users/alias/update': {
    list: 'alias_updates',
    read({ alias_label, old_alias_name, new_alias_name }, { renameAlias }) {
      if (!isText(alias_label) || !isText(old_alias_name) || !isText(new_alias_name))
        return "'alias_label', 'old_alias_name' and 'new_alias_name' must be non-empty strings"
      const [before, after] = [aliasOf(alias_label, old_alias_name), aliasOf(alias_label, new_alias_name)]
      return { targets: [before, after], apply: () => renameAlias(before, after) }
    },
    answer: processed,
  },
  '/users/merge': {
    list: 'merge_updates',
    read({ identifier_to_merge, identifier_to_keep }, { merge }) {
      if (!isObject(identifier_to_merge) || !isObject(identifier_to_keep))
        return 'identifiers must be objects'
      const [merged, kept] = [readIdentifier(identifier_to_merge), readIdentifier(identifier_to_keep)]
      if (typeof merged === 'string') return merged
      if (typeof kept === 'string') return kept
      return { targets: [merged, kept], apply: () => merge(merged, kept) }
    },
    answer: (_, errors) =>
      errors.length > 0
        ? refusal(400, "'merge_updates' has an object without identifiers of users")
        : { status: 202, body: { message: 'success' } },
  },
}

/** Errors of single items are not documented. [CODE] */
function processed(changes: Change[], errors: object[]): Reply {
  const failed = errors.length > 0 && { errors }
  if (changes.length === 0)
    return { status: 400, body: { message: 'No valid aliases were given', ...failed } }
  return { status: 201, body: { aliases_processed: changes.length, message: 'success', ...failed } }
}

const none = (reply: Reply): Judged => ({ ...reply, changes: [] })
