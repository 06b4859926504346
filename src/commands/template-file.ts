import { type Checked, type CheckOptions, checkWebhook } from '../message/check.ts'
import { MOST_BYTES, readSource } from '../message/source.ts'
import { readWhole } from '../process/files.ts'
import type { Host } from '../process/host.ts'
import { UsageError } from '../process/run.ts'

/** A file with a webhook of Braze's, as `template … --json` prints it. */
export interface TemplateFile {
  /** @throws UsageError where a value is given for a name that the template has not */
  check(options: CheckOptions): Checked
  /** Adds where it stands in the file, if it does. */
  placed<P extends { readonly property: string }>(problem: P): P & { readonly place?: string }
}

/** @throws Error with a sentence for a person */
export async function readTemplateFile(file: string, host: Host): Promise<TemplateFile> {
  const { value, placeOf } = readSource(await readWhole(file, MOST_BYTES, host), file)
  if (!['url', 'headers', 'body'].some((key) => Object.hasOwn(value as object, key)))
    throw new Error(`${file} is no webhook of Braze's; name a file with what template … --json prints.`)
  return {
    check(options) {
      const checked = checkWebhook(value, options)
      if (checked.request) assertKnown(options, checked)
      return checked
    },
    placed: (problem) =>
      /^(url|method|headers|body)\b/.test(problem.property)
        ? { ...problem, place: `${file}:${placeOf(problem.property)}` }
        : problem,
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
