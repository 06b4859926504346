import { type Reply, refusal } from '../answers.ts'
import { quickReplyItem } from './actions.ts'
import { flexContainer } from './flex.ts'
import {
  byType,
  type Check,
  type Fault,
  fields,
  isFields,
  list,
  number,
  type Path,
  text,
  uri,
} from './shape.ts'
import { template } from './templates.ts'

/** In one request. [REF] */
const mostMessages = 5

const common = {
  sender: fields({}, { name: text(20), iconUrl: uri(2000, 'https') }),
  quickReply: fields({ items: list(1, 13, quickReplyItem) }),
}
const message = (required: Record<string, Check>, optional: Record<string, Check> = {}) =>
  fields(required, { ...common, ...optional })

const content = uri(2000, 'https')
const emoji = fields({ index: number(0, 5000), productId: text(100), emojiId: text(100) })
const area = fields({ x: number(0, 1e5), y: number(0, 1e5), width: number(1, 1e5), height: number(1, 1e5) })

/** What LINE can show, without what lies in parts of its own. [REF] Message objects */
const messages = byType({
  text: message({ text: text(5000) }, { emojis: list(0, 20, emoji) }),
  textV2: message({ text: text(5000) }),
  sticker: message({ packageId: text(100), stickerId: text(100) }),
  image: message({ originalContentUrl: content, previewImageUrl: content }),
  video: message({ originalContentUrl: content, previewImageUrl: content }, { trackingId: text(100) }),
  audio: message({ originalContentUrl: content, duration: number(1, Number.MAX_SAFE_INTEGER) }),
  location: message({
    title: text(100),
    address: text(100),
    latitude: number(-90, 90),
    longitude: number(-180, 180),
  }),
  imagemap: message({
    baseUrl: content,
    altText: text(1500),
    baseSize: fields({ width: number(1040, 1040), height: number(1, 1e5) }),
    actions: list(1, 50, fields({ area })),
  }),
  template: message({ altText: text(1500) }),
  flex: message({ altText: text(1500) }),
})

/** LINE reads these by another part of it, which names places by slashes. */
const parts: Record<string, { field: string; prefix: string; check: Check }> = {
  template: { field: 'template', prefix: 'template', check: template },
  flex: { field: 'contents', prefix: '', check: flexContainer },
}

/** What LINE says of messages that it would not send; null: it would send them. */
export function refuseMessages(given: unknown): Reply | null {
  if (!Array.isArray(given) || given.length < 1 || given.length > mostMessages)
    return faulty([{ message: `Size must be between 1 and ${mostMessages}`, property: 'messages' }])
  const faults: Fault[] = []
  given.forEach(
    (one, index) =>
      void messages(one, ['messages', index], (text, path) => {
        faults.push({ message: text, property: dotted(path) })
      }),
  )
  if (faults.length > 0) return faulty(faults)
  for (const [index, one] of given.entries()) {
    const details = partFaults(one)
    if (details.length > 0)
      return {
        status: 400,
        body: { message: `A message (messages[${index}]) in the request body is invalid`, details },
      }
  }
  return null
}

function partFaults(one: unknown): Fault[] {
  const part = isFields(one) ? parts[String(one.type)] : undefined
  if (part === undefined) return []
  const faults: Fault[] = []
  part.check((one as Record<string, unknown>)[part.field], [], (text, path) => {
    faults.push({ message: text, property: [part.prefix, ...path].join('/') })
  })
  return faults
}

/** A body with something wrong in it, as LINE says so. */
export const faulty = (details: readonly Fault[]): Reply => ({
  status: 400,
  body: { message: `The request body has ${details.length} error(s)`, details },
})

/** Answers `POST /v2/bot/message/validate/push`. */
export function validate(body: unknown): Reply {
  if (!isFields(body)) return notJson
  return refuseMessages(body.messages) ?? { status: 200, body: {} }
}

export const notJson = refusal(400, 'The request body could not be parsed as JSON (line: 1, column: 1)')

/** `messages[0].text` */
const dotted = (path: Path) =>
  path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .slice(1)
