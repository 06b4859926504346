import { envSchema } from 'env-schema'
import type { TObject } from 'typebox'
import { isHttpUrl } from './endpoint.ts'
import { type About, HTTP_URL } from './settings.ts'
import { isHarmless } from './shown.ts'

export interface Checked {
  /** As the schema has them, with its defaults; of no use where there are problems. */
  readonly values: unknown
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
  let values: unknown = {}
  try {
    values = envSchema({
      schema,
      data: { ...given },
      env: false,
      ajv: {
        customOptions: (ajv) => ajv.addVocabulary(VOCABULARY).addFormat(HTTP_URL, isHttpUrl),
      },
    })
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
  return { values, problems }
}

/** What of a setting is no JSON schema. */
const VOCABULARY = ['mustBe', 'secret', 'fault', 'unless'] satisfies (keyof About)[]

type Property = About & { readonly type?: string; readonly enum?: readonly string[] }

export const isMissing = (name: string, { mustBe }: About) => `${name} is missing; set it to ${mustBe}`

function isWrong(name: string, value: string, { secret, mustBe, enum: words }: Property) {
  const isShown = !secret && isHarmless(value, words)
  return `${name} is ${isShown ? JSON.stringify(value) : 'wrong'}; it must be ${mustBe}`
}
