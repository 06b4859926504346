import type { messagingApi } from '@line/bot-sdk'
import { isObject } from '../wire/answer.ts'
import { actions, actionWith, templateAction } from './actions.ts'
import { excessOf, LIMITS, type Limit } from './limits.ts'
import {
  anything,
  byType,
  type Fields,
  httpsUrl,
  list,
  object,
  oneOf,
  optional,
  type Place,
  type Rule,
  required,
  text,
} from './rules.ts'

const type = required(anything)
const colour = text(undefined, (value, place) => {
  if (!/^#[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?$/.test(value)) place.tell('is no colour such as #FFFFFF')
})
export const imageLook = {
  imageAspectRatio: optional(oneOf('rectangle', 'square')),
  imageSize: optional(oneOf('cover', 'contain')),
}

/** With an image or a title there is less room for the text. */
const fits =
  (alone: Limit, beside: Limit) =>
  ({ text, title, thumbnailImageUrl }: Readonly<Record<string, unknown>>, place: Place) => {
    if (typeof text !== 'string' || place.isOpen(text)) return
    const isAlone = title === undefined && thumbnailImageUrl === undefined
    const excess = excessOf(text, isAlone ? alone : beside)
    if (excess)
      place.at('text').tell(isAlone ? excess : `${excess} beside an image or a title`, { isTooLong: true })
  }

const columnFields: Fields<messagingApi.CarouselColumn> = {
  thumbnailImageUrl: optional(httpsUrl),
  imageBackgroundColor: optional(colour),
  title: optional(text(LIMITS.columnTitle)),
  text: required(text()),
  defaultAction: optional(templateAction),
  actions: required(actions(LIMITS.columnActions)),
}
const column = object<messagingApi.CarouselColumn>(
  columnFields,
  fits(LIMITS.columnText, LIMITS.columnTextBeside),
)

/** LINE wants of each column the same number of actions, and an image and a title on all of them or on none. */
function columnsAgree(columns: readonly unknown[], place: Place) {
  const [first, ...others] = columns
  if (!isObject(first)) return
  const count = (column: Record<string, unknown>) =>
    Array.isArray(column.actions) ? column.actions.length : 0
  for (const [index, other] of others.entries()) {
    if (!isObject(other)) continue
    const at = place.at(index + 1)
    if (count(other) !== count(first))
      at.at('actions').tell(
        `has ${count(other)} entries and the first column ${count(first)}; all must have as many`,
      )
    for (const key of ['thumbnailImageUrl', 'title']) {
      const [has, firstHas] = [other[key] !== undefined, first[key] !== undefined]
      if (has !== firstHas)
        at.at(key).tell(
          `is ${has ? 'there' : 'missing'}, unlike on the first column; all columns must have one or none`,
        )
    }
  }
}

export const columns = required(list(column, LIMITS.columns, 1, columnsAgree))

/** What a template message shows. */
export const template = byType({
  carousel: object<messagingApi.CarouselTemplate>({ type, ...imageLook, columns }),
  buttons: object<messagingApi.ButtonsTemplate>(
    {
      type,
      ...imageLook,
      ...columnFields,
      title: optional(text(LIMITS.buttonsTitle)),
      actions: required(actions(LIMITS.buttonsActions)),
    },
    fits(LIMITS.buttonsText, LIMITS.buttonsTextBeside),
  ),
  confirm: object<messagingApi.ConfirmTemplate>({
    type,
    text: required(text(LIMITS.confirmText)),
    actions: required(actions(LIMITS.confirmActions, LIMITS.confirmActions.most)),
  }),
  image_carousel: object<messagingApi.ImageCarouselTemplate>({
    type,
    columns: required(
      list(
        object<messagingApi.ImageCarouselColumn>({
          imageUrl: required(httpsUrl),
          action: required(actionWith(LIMITS.imageLabel, { needsLabel: false })),
        }),
        LIMITS.imageColumns,
      ),
    ),
  }),
} satisfies Record<messagingApi.Template['type'], Rule>)
