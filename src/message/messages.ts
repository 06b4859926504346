import type { messagingApi } from '@line/bot-sdk'
import { isObject } from '../wire/answer.ts'
import { actionWith } from './actions.ts'
import { flexContainer } from './flex.ts'
import { excessOf, LIMITS } from './limits.ts'
import {
  anything,
  byType,
  type Fields,
  flag,
  httpsUrl,
  list,
  object,
  oneOf,
  optional,
  type Place,
  type Rule,
  required,
  text,
  wholeNumber,
} from './rules.ts'
import { columns, imageLook, template } from './templates.ts'

const type = required(anything)
/** What any message may have, beside its type. */
const common = {
  quickReply: optional(
    object<messagingApi.QuickReply>({
      items: required(
        list(
          object<messagingApi.QuickReplyItem>({
            type: required(oneOf('action')),
            imageUrl: optional(httpsUrl),
            action: required(actionWith(LIMITS.label, { isQuickReply: true })),
          }),
          LIMITS.quickReplies,
        ),
      ),
    }),
  ),
  sender: optional(
    object<messagingApi.Sender>({ name: optional(text(LIMITS.senderName)), iconUrl: optional(httpsUrl) }),
  ),
}

/** LINE shows an emoji in the place of a `$`. */
export function emojisStand({ text, emojis }: Readonly<Record<string, unknown>>, place: Place) {
  if (typeof text !== 'string' || !Array.isArray(emojis) || place.isOpen(text)) return
  for (const [number, emoji] of emojis.entries()) {
    if (isObject(emoji) && typeof emoji.index === 'number' && text[emoji.index] !== '$')
      place.at('emojis').at(number).at('index').tell('is not where a $ stands in the text')
  }
}

/** Digits; LINE's stickers and emoji have no other ids. */
const id = text(undefined, (value, place) => {
  if (!/^\d{1,20}$/.test(value)) place.tell('is no number')
})

/** The fields of a message whose `type` stands elsewhere. */
type Untyped<T> = Fields<Omit<T, 'type'>>

export const TEXT: Untyped<messagingApi.TextMessage> = {
  ...common,
  text: required(text(LIMITS.text)),
  emojis: optional(
    list(
      object<messagingApi.Emoji>({
        index: required(wholeNumber),
        productId: required(text()),
        emojiId: required(text()),
      }),
      LIMITS.emojis,
    ),
  ),
  quoteToken: optional(text()),
}

export const STICKER: Untyped<messagingApi.StickerMessage> = {
  ...common,
  packageId: required(id),
  stickerId: required(id),
  quoteToken: optional(text()),
}

export const IMAGE: Untyped<messagingApi.ImageMessage> = {
  ...common,
  originalContentUrl: required(httpsUrl),
  previewImageUrl: required(httpsUrl),
}

const altText = required(text(LIMITS.altText))

/** A carousel, as people write it: the message's own keys and those of its template. */
export const CAROUSEL: Untyped<
  Omit<messagingApi.TemplateMessage, 'template'> & messagingApi.CarouselTemplate
> = {
  ...common,
  altText,
  ...imageLook,
  columns,
}

export const FLEX: Untyped<messagingApi.FlexMessage> = {
  ...common,
  altText,
  contents: required(flexContainer),
}

const MESSAGES = {
  text: object<messagingApi.TextMessage>({ type, ...TEXT }, emojisStand),
  sticker: object<messagingApi.StickerMessage>({ type, ...STICKER }),
  image: object<messagingApi.ImageMessage>({ type, ...IMAGE }),
  template: object<messagingApi.TemplateMessage>({ type, ...common, altText, template: required(template) }),
  flex: object<messagingApi.FlexMessage>({ type, ...FLEX }),
  // Nothing here makes these: LINE's validation judges them.
  textV2: anything,
  video: anything,
  audio: anything,
  location: anything,
  imagemap: anything,
  coupon: anything,
} satisfies Record<messagingApi.Message['type'], Rule>

/** A message object. */
export const message: Rule = byType(MESSAGES)

/** The body of `POST /v2/bot/message/push`. */
export const pushRequest: Rule = (value, place) => {
  object<messagingApi.PushMessageRequest>({
    to: required(text()),
    messages: required(list(message, LIMITS.messages)),
    notificationDisabled: optional(flag),
    customAggregationUnits: optional(list(aggregationUnit, LIMITS.units)),
  })(value, place)
  const excess = excessOf(value, LIMITS.request)
  if (excess) place.tell(excess)
}

/** The name of a unit by which LINE counts how a message did. */
export const aggregationUnit = text(LIMITS.unit, (value, place) => {
  if (!/^\w*$/.test(value)) place.tell('has other characters than A to Z, a to z, 0 to 9 and _')
})
