import type { ChannelSettings } from '../config/channels.ts'
import { type Kind, messageOf, problemsIn } from '../message/kinds.ts'
import { aggregationUnit } from '../message/messages.ts'
import { type Problem, problemsOf } from '../message/rules.ts'
import { MOST_BYTES, readSource } from '../message/source.ts'
import { webhookFor } from '../message/webhook.ts'
import { type ChannelChoice, configFor } from '../process/channels.ts'
import { nameOfInput, readWhole } from '../process/files.ts'
import type { Host } from '../process/host.ts'
import { pushUrl } from '../process/line-api.ts'
import { UsageError } from '../process/run.ts'
import { showWebhook } from '../terminal/webhook.ts'
import { type Flag, KINDS } from './template-kinds.ts'

interface PrintOptions extends ChannelChoice, Readonly<Record<string, unknown>> {
  readonly unit?: string
  readonly json?: boolean
}

export async function printTemplate(kind: Kind, file: string | undefined, options: PrintOptions, host: Host) {
  const { settings, channels, allChannels } = configFor(host, ['LINE_API_BASE_URL'], 'braze', options)
  const channel = theOne(channels, allChannels)
  const { unit } = options
  const faults = unit === undefined ? [] : problemsOf(unit, aggregationUnit)
  if (faults.length > 0) throw new UsageError(faults.map(({ message }) => `--unit ${message}.`).join('\n'))

  const said = saidBy(options, KINDS[kind].flags)
  const { written, placeOf } = await readWritten(kind, file, said, host)
  const problems = problemsIn(kind, written)
  if (problems.length > 0) throw refusal(problems, { kind, said, placeOf })
  const webhook = webhookFor(messageOf(kind, written), { ...channel, unit, url: pushUrl(settings) })
  host.stdout.write(`${options.json ? JSON.stringify(webhook) : showWebhook(webhook)}\n`)
}

/** Of several channels somebody has to say which one's people are meant. */
function theOne(channels: readonly ChannelSettings[], all: readonly ChannelSettings[]): ChannelSettings {
  const [channel, ...others] = channels
  if (!channel || others.length > 0)
    throw new UsageError(
      `Say with --channel whose people it is for: ${channels.map(({ name }) => name).join(' or ')}.`,
    )
  const { attribute, tokenBlock } = channel
  const same = all.filter((each) => each.tokenBlock === tokenBlock).map(({ name }) => name)
  if (same.length > 1)
    throw new UsageError(
      `The channels ${same.join(' and ')} have the same tokenBlock; give each its own in LINE_CHANNELS_FILE.`,
    )
  if (/[{}]/.test(attribute))
    throw new UsageError(`An attribute with braces in its name cannot be said in Liquid.`)
  return channel
}

/** What the flags say, by the message's keys. */
function saidBy(options: PrintOptions, flags: readonly Flag[]): ReadonlyMap<string, unknown> {
  const values = flags.map(([key, option]): [string, unknown] => [key, options[camelCase(nameOf(option))]])
  return new Map(values.filter(([, value]) => value !== undefined))
}

/** `--alt-text` of `--alt-text <text>`. */
const nameOf = (option: string) => option.split(' ')[0] as string
const camelCase = (name: string) =>
  name.slice(2).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())

interface Written {
  readonly written: object
  /** Where a property stands in the file, as `FILE:LINE:COLUMN`; undefined where there is none. */
  readonly placeOf: ((property: string) => string) | undefined
}

async function readWritten(
  kind: Kind,
  file: string | undefined,
  said: ReadonlyMap<string, unknown>,
  host: Host,
): Promise<Written> {
  const flags = Object.fromEntries(said)
  if (file === undefined) return { written: flags, placeOf: undefined }
  const name = nameOfInput(file)
  const { value, placeOf } = readSource(await readWhole(file, MOST_BYTES, host), name)
  const { type } = value as { type?: unknown }
  if (kind === 'flex' && (type === 'bubble' || type === 'carousel'))
    return {
      written: { ...flags, contents: value },
      placeOf: (property) => `${name}:${placeOf(property.replace(/^contents\.?/, ''))}`,
    }
  return {
    written: { ...(value as object), ...flags },
    placeOf: (property) => `${name}:${placeOf(property)}`,
  }
}

interface Where extends Pick<Written, 'placeOf'> {
  readonly kind: Kind
  readonly said: ReadonlyMap<string, unknown>
}

/** A line for each problem: by the flag where that said it, by the place in the file where there is one. */
function refusal(problems: readonly Problem[], { kind, said, placeOf }: Where): Error {
  const flagOf = (key: string) => nameOf(KINDS[kind].flags.find(([each]) => each === key)?.[1] ?? key)
  const isOfFlag = (property: string) => said.has(property) || !placeOf
  const lines = problems.map(({ property, message }) =>
    isOfFlag(property) || !placeOf
      ? `${flagOf(property)} ${message}.`
      : `${placeOf(property)}: ${property} ${message}.`,
  )
  return problems.every(({ property }) => isOfFlag(property))
    ? new UsageError(lines.join('\n'))
    : new Error(lines.join('\n'))
}
