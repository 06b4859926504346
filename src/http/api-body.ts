import { externalIdFault } from '../contact/link.ts'
import { isLinkToken } from '../line/account-link.ts'
import { isPerson } from '../line/user-id.ts'
import { isObject, parseJson } from '../wire/answer.ts'
import { Refusal } from './refusal.ts'

/** Says what keeps a value from being what its field holds, in a sentence for who has sent it. */
type Check = (value: unknown) => string | undefined

const CHECKS = {
  externalId(value) {
    const fault = externalIdFault(value)
    return fault && `The external id ${fault}.`
  },
  userId: (value) =>
    isPerson(value)
      ? undefined
      : 'The user id is none of LINE: it must be as webhooks name it, such as U and 32 hex digits.',
  idToken: (value) =>
    typeof value === 'string' && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(value)
      ? undefined
      : 'The ID token must be the text that LINE issued, as liff.getIDToken() gives it: three parts with dots between.',
  nonce: (value) =>
    typeof value === 'string' && value !== '' && value.isWellFormed()
      ? undefined
      : 'The nonce must be the text that the login was begun with; leave it out where there was none.',
  linkToken: (value) =>
    isLinkToken(value)
      ? undefined
      : 'The link token must be the text that LINE issued, as /link-tokens gives it.',
} satisfies Readonly<Record<string, Check>>

type Field = keyof typeof CHECKS

/**
 * The fields of a JSON body, each checked, and no others.
 *
 * @throws Refusal 400
 */
export function readFields<R extends Field, O extends Field = never>(
  body: unknown,
  required: readonly R[],
  optional: readonly O[] = [],
): Record<R, string> & Partial<Record<O, string>> {
  const names: readonly Field[] = [...required, ...optional]
  const fields = parse(body)
  if (!isObject(fields)) throw new Refusal(400, `The body must be a JSON object with ${listOf(required)}.`)
  if (Object.keys(fields).some((name) => !names.includes(name as Field)))
    throw new Refusal(400, `The body may have no other fields than ${listOf(names)}.`)
  for (const name of names) {
    if (Object.hasOwn(fields, name)) check(name, fields[name])
    else if (required.includes(name as R)) throw new Refusal(400, `The body has no ${listOf([name])}.`)
  }
  return fields as Record<R, string> & Partial<Record<O, string>>
}

/** @throws Refusal 400 */
export function check(name: Field, value: unknown) {
  const fault = CHECKS[name](value)
  if (fault) throw new Refusal(400, fault)
}

/** Unlike a webhook's, whose texts are not read: an id with a broken character would be somebody else's. */
const decoder = new TextDecoder('utf-8', { fatal: true })

function parse(body: unknown): unknown {
  const parsed = parseJson(textOf(body))
  if (parsed === undefined) throw new Refusal(400, 'The body is not JSON.')
  return parsed
}

function textOf(body: unknown): string {
  if (!(body instanceof Uint8Array)) return ''
  try {
    return decoder.decode(body)
  } catch {
    throw new Refusal(400, 'The body is not UTF-8.')
  }
}

const listOf = (names: readonly string[]) => names.map((name) => `"${name}"`).join(', ')
