import { type Checked, type CheckOptions, checkWebhook } from '../message/check.ts'
import type { Problem } from '../message/rules.ts'
import { MOST_BYTES, readSource } from '../message/source.ts'
import { nameOfInput, readWhole } from '../process/files.ts'
import { UsageError } from '../process/run.ts'
import type { Task } from '../process/task.ts'
import type { Finding } from '../terminal/template-check-result.ts'

/** A file with a webhook of Braze's, as `template … --json` prints it. */
export interface TemplateFile {
  /** @throws UsageError where a value is given for a name that the template has not */
  check(options: CheckOptions): Promise<Checked>
  /** With where it stands in the file, if it does. */
  placed(problem: Problem): Finding
}

/** @throws Error with a sentence for a person */
export async function readTemplateFile(file: string, { host, signal }: Task): Promise<TemplateFile> {
  const name = nameOfInput(file)
  const { value, placeOf } = readSource(await readWhole(file, MOST_BYTES, { host, signal }), name)
  if (!['url', 'headers', 'body'].some((key) => Object.hasOwn(value as object, key)))
    throw new Error(`${name} is no webhook of Braze's; name a file with what template … --json prints.`)
  return {
    async check(options) {
      const checked = await checkWebhook(value, options)
      if (checked.request) assertKnown(options, checked)
      return checked
    },
    placed: ({ property, message }) => {
      const place = /^(url|method|headers|body)\b/.test(property) ? `${name}:${placeOf(property)}` : undefined
      return { property, message, ...(place !== undefined && { place }) }
    },
  }
}

function assertKnown({ values, channels }: CheckOptions, { names }: Checked) {
  const own = channels.map(({ attribute }) => `custom_attribute.${attribute}`)
  const isKnown = (name: string) => [...names, ...own].includes(name) || name.startsWith('campaign.')
  const unknown = [...values.keys()].find((name) => !isKnown(name))
  if (unknown === undefined) return
  const there = names.length > 0 ? `there are ${names.join(', ')}` : 'Braze fills in nothing'
  throw new UsageError(`--value ${unknown}: the template has no such name; ${there}.`)
}
