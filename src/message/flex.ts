import type { messagingApi } from '@line/bot-sdk'
import { isObject } from '../wire/answer.ts'
import { nearest } from '../wire/nearest.ts'
import { actionWith } from './actions.ts'
import { excessOf, LIMITS, type Limit } from './limits.ts'
import {
  anything,
  byType,
  httpsUrl,
  list,
  object,
  oneOf,
  optional,
  type Place,
  type Rule,
  required,
} from './rules.ts'

const withLabel = actionWith(LIMITS.flexLabel)
const withoutLabel = actionWith(LIMITS.flexLabel, { needsLabel: false })

/** The types of components, and which of their addresses LINE fetches. The compiler misses a new type. */
const COMPONENTS: Readonly<Record<messagingApi.FlexComponent['type'], readonly string[]>> = {
  box: [],
  button: [],
  filler: [],
  icon: ['url'],
  image: ['url'],
  separator: [],
  span: [],
  text: [],
  video: ['url', 'previewUrl'],
}
const TYPES = Object.keys(COMPONENTS)

/** A component and all within it: its type, its addresses and what opens. How it looks is left to LINE. */
const component: Rule = (value, place) => {
  if (!isObject(value)) return place.tell('is no object')
  const { type, action, contents, altContent } = value
  if (typeof type !== 'string' || !Object.hasOwn(COMPONENTS, type)) return tellType(type, place)
  for (const key of COMPONENTS[type as keyof typeof COMPONENTS]) {
    if (value[key] === undefined) place.at(key).tell('is missing')
    else httpsUrl(value[key], place.at(key))
  }
  if (type === 'button' && action === undefined) place.at('action').tell('is missing')
  else if (action !== undefined) (type === 'button' ? withLabel : withoutLabel)(action, place.at('action'))
  if (Array.isArray(contents))
    for (const [index, each] of contents.entries()) component(each, place.at('contents').at(index))
  if (altContent !== undefined) component(altContent, place.at('altContent'))
}

function tellType(type: unknown, place: Place) {
  const meant = typeof type === 'string' ? nearest(type, TYPES) : undefined
  const what = type === undefined ? 'is missing' : "is no type of LINE's"
  place
    .at('type')
    .tell(meant ? `${what}; perhaps ${meant} is meant` : `${what}; it is one of ${TYPES.join(', ')}`)
}

const within =
  (limit: Limit, rule: Rule): Rule =>
  (value, place) => {
    rule(value, place)
    const excess = isObject(value) && !place.isOpen(JSON.stringify(value)) && excessOf(value, limit)
    if (excess) place.tell(excess)
  }

const bubble = within(
  LIMITS.bubble,
  object<messagingApi.FlexBubble>({
    type: required(oneOf('bubble')),
    direction: optional(oneOf('ltr', 'rtl')),
    styles: optional(anything),
    header: optional(component),
    hero: optional(component),
    body: optional(component),
    footer: optional(component),
    size: optional(oneOf('nano', 'micro', 'deca', 'hecto', 'kilo', 'mega', 'giga')),
    action: optional(withoutLabel),
  }),
)

/** What a Flex Message shows. */
export const flexContainer: Rule = byType({
  bubble,
  carousel: within(
    LIMITS.flexCarousel,
    object<messagingApi.FlexCarousel>({
      type: required(anything),
      contents: required(list(bubble, LIMITS.bubbles)),
    }),
  ),
} satisfies Record<messagingApi.FlexContainer['type'], Rule>)
