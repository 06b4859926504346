/** Names, and what they are in SQL, as a JSON object. */
const object = (fields: Readonly<Record<string, string>>) =>
  `json_object(${Object.entries(fields)
    .map(([name, value]) => `'${name}', ${value}`)
    .join(', ')})`
const boolean = (condition: string) => `json(iif(${condition}, 'true', 'false'))`

const profile = (of: string, value: string) => ({
  value,
  revision: `${of}.revision`,
  accepted: `${of}.accepted`,
  failure: `${of}.failure`,
  pendingMs: `iif(${of}.pending, @now - ${of}.changed_at, NULL)`,
  restMs: `${of}.due_at - @now`,
})

const isDateOf = (kind: string, at: string, or = '') => `EXISTS (
  SELECT 1 FROM runs WHERE runs.channel = t.channel AND kind = '${kind}' AND (as_of = ${at}${or})) AND ${at} > 0`

const externalIdOf = (column: string) => `(SELECT external_id FROM customers WHERE id = t.${column})`

const CUSTOMER = object({
  externalId: 'k.external_id',
  isKnown: boolean('k.is_known'),
  checkMs: 'k.check_at - @now',
  tries: 'k.tries',
  ...profile('k', '(SELECT user_id FROM contacts WHERE contacts.id = k.contact)'),
})

const MERGE = object({
  externalId: 'm.external_id',
  action: 'm.action',
  isAsked: boolean('m.is_asked'),
  outcome: 'm.outcome',
  restMs: 'm.due_at - @now',
})

/** A `Person` as JSON: one statement, so that all of it is of one moment. */
export const PERSON = `
  SELECT ${object({
    channel: 't.channel',
    userId: 't.user_id',
    status: 't.status',
    friendAt: 't.friend_at',
    messagedAt: 't.messaged_at',
    goneAt: 't.gone_at',
    externalId: 't.external_id',
    linkedAt: 't.linked_at',
    isListed: boolean(isDateOf('backfill', 't.friend_at')),
    isAbsent: boolean(isDateOf('backfill', 't.gone_at')),
    isImported: boolean(isDateOf('links', 't.linked_at', ' OR runs.id = t.run')),
    alias: object(profile('t', 'iif(t.holds, t.user_id, NULL)')),
    customers: `json((
      SELECT json_group_array(json(customer)) FROM (
        SELECT ${CUSTOMER} AS customer FROM customers AS k
        WHERE k.channel = t.channel
          AND k.external_id IN (t.external_id, ${externalIdOf('target')}, ${externalIdOf('customer')})
        ORDER BY k.external_id
      )))`,
    target: externalIdOf('target'),
    customer: externalIdOf('customer'),
    merge: `json((SELECT ${MERGE} FROM merges AS m WHERE m.contact = t.id))`,
  })}
  FROM contacts AS t WHERE t.channel = @channel AND t.user_id = @userId`
