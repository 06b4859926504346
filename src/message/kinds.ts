import type { messagingApi } from '@line/bot-sdk'
import { isLiquid, LiquidError, readLiquid } from './liquid.ts'
import { CAROUSEL, emojisStand, FLEX, IMAGE, STICKER, TEXT } from './messages.ts'
import { object, type Problem, problemsOf, type Rule } from './rules.ts'

/** What people write, each by its rule: a message's texts, addresses and ids, which may hold Liquid. */
const RULES = {
  text: object(TEXT, emojisStand),
  sticker: object(STICKER),
  image: object(IMAGE),
  carousel: object(CAROUSEL),
  flex: object(FLEX),
} as const satisfies Readonly<Record<string, Rule>>

export type Kind = keyof typeof RULES

/** All for which LINE would refuse what was written, as far as that is known before the Liquid is rendered. */
export const problemsIn = (kind: Kind, written: unknown): Problem[] => [
  ...problemsOf(written, RULES[kind], { isOpen: isLiquid }),
  ...liquidIn(written, ''),
]

/** The message of what was written, once nothing is wrong with that. */
export function messageOf(kind: Kind, written: object): messagingApi.Message {
  if (kind !== 'carousel') return { type: kind, ...written } as messagingApi.Message
  const { columns, imageAspectRatio, imageSize, ...common } = written as messagingApi.CarouselTemplate
  const look = { ...(imageAspectRatio && { imageAspectRatio }), ...(imageSize && { imageSize }) }
  const carousel = { ...common, type: 'template', template: { type: 'carousel', ...look, columns } }
  return carousel as unknown as messagingApi.TemplateMessage
}

/** What is wrong with the Liquid in the texts. */
function liquidIn(value: unknown, property: string): Problem[] {
  if (Array.isArray(value)) return value.flatMap((each, index) => liquidIn(each, `${property}[${index}]`))
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([key, each]) =>
      liquidIn(each, property ? `${property}.${key}` : key),
    )
  if (typeof value !== 'string' || !isLiquid(value)) return []
  if (/\|\s*json_escape\b/.test(value))
    return [{ property, message: 'has json_escape; leave it out: the whole text is escaped' }]
  try {
    readLiquid(value)
    return []
  } catch (error) {
    if (!(error instanceof LiquidError)) throw error
    const line = error.line === undefined || error.line === 1 ? '' : `, in its line ${error.line}`
    return [{ property, message: `is no Liquid that Braze takes${line}: ${error.message}` }]
  }
}
