import { envSchema } from 'env-schema'
import { type TObject, Type } from 'typebox'
import { isHttpUrl } from './endpoint.ts'
import { type About, HTTP_URL } from './settings.ts'
import { isHarmless } from './shown.ts'

export interface Checked {
  /** As the schema has them, with its defaults; without those that are missing or wrong. Costs a compilation where some are. */
  values(): Readonly<Record<string, unknown>>
  /** For each name that is missing or wrong a line for a person, without a secret. */
  readonly problems: ReadonlyMap<string, string>
}

/** Holds texts against a schema whose properties are settings. */
export function check(schema: TObject, given: Readonly<Record<string, string>>): Checked {
  const problems = new Map<string, string>()
  const about = (name: string) => schema.properties[name] as unknown as Property
  for (const [name, value] of Object.entries(given)) {
    const { fault, type, mustBe } = about(name)
    const wrong = fault?.(value)
    if (wrong !== undefined) problems.set(name, `${name} ${wrong}; it must be ${mustBe}`)
    // Ajv would take 0x10 and 1e3, too.
    else if (type === 'integer' && !/^\d+$/.test(value)) problems.set(name, isWrong(name, value, about(name)))
  }
  try {
    const values = read(schema, given)
    if (problems.size === 0) return { values: () => values, problems }
  } catch (error) {
    const { errors } = error as { errors?: { instancePath: string; params: { missingProperty?: string } }[] }
    if (!errors) throw error
    for (const { instancePath, params } of errors) {
      const name = params.missingProperty ?? instancePath.slice(1)
      const value = given[name]
      if (problems.has(name)) continue
      problems.set(
        name,
        value === undefined ? isMissing(name, about(name)) : isWrong(name, value, about(name)),
      )
    }
  }
  return { values: () => readRest(schema, given, problems), problems }
}

const read = (schema: TObject, given: Readonly<Record<string, string>>) =>
  envSchema({
    schema,
    data: { ...given },
    env: false,
    ajv: {
      customOptions: (ajv) => ajv.addVocabulary(VOCABULARY).addFormat(HTTP_URL, isHttpUrl),
    },
  }) as Record<string, unknown>

/** What is wrong has no default in its place: nobody has asked for that. */
function readRest(
  schema: TObject,
  given: Readonly<Record<string, string>>,
  problems: ReadonlyMap<string, string>,
) {
  const isRight = ([name]: readonly [string, unknown]) => !problems.has(name)
  const right = Object.fromEntries(Object.entries(given).filter(isRight))
  return Object.fromEntries(Object.entries(read(Type.Partial(schema), right)).filter(isRight))
}

/** What of a setting is no JSON schema. */
const VOCABULARY = ['mustBe', 'secret', 'fault', 'unless'] satisfies (keyof About)[]

type Property = About & { readonly type?: string; readonly enum?: readonly string[] }

export const isMissing = (name: string, { mustBe }: About) => `${name} is missing; set it to ${mustBe}`

function isWrong(name: string, value: string, { secret, mustBe, enum: words }: Property) {
  const isShown = !secret && isHarmless(value, words)
  return `${name} is ${isShown ? JSON.stringify(value) : 'wrong'}; it must be ${mustBe}`
}
