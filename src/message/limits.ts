/** How LINE counts: UTF-16 code units, what a person takes for one character, bytes of JSON, or entries of a list. */
export type Counting = 'units' | 'graphemes' | 'bytes' | 'entries'

export interface Limit {
  readonly most: number
  readonly counting: Counting
}

const units = (most: number): Limit => ({ most, counting: 'units' })
const graphemes = (most: number): Limit => ({ most, counting: 'graphemes' })
const bytes = (most: number): Limit => ({ most, counting: 'bytes' })
const entries = (most: number): Limit => ({ most, counting: 'entries' })

/**
 * Every limit of LINE's on what a push message says; of the rendered text, not of the Liquid. Each group has the heading of
 * developers.line.biz/en/reference/messaging-api that states it. What is counted as graphemes stands in
 * developers.line.biz/en/docs/messaging-api/text-character-count; everything else is counted in UTF-16 units.
 */
export const LIMITS = {
  // #send-push-message
  messages: entries(5),
  units: entries(1),
  unit: units(30),
  request: bytes(2 * 1024 * 1024),
  // #message-common-properties
  quickReplies: entries(13),
  senderName: units(20),
  url: units(2_000),
  // #text-message
  text: units(5_000),
  emojis: entries(20),
  // #template-messages, #flex-message
  altText: units(1_500),
  // #carousel
  columns: entries(10),
  columnActions: entries(3),
  columnTitle: graphemes(40),
  columnText: graphemes(120),
  /** Of a column that has an image or a title. */
  columnTextBeside: graphemes(60),
  // #buttons
  buttonsActions: entries(4),
  buttonsTitle: graphemes(40),
  buttonsText: graphemes(160),
  /** Of a template that has an image or a title. */
  buttonsTextBeside: graphemes(60),
  // #confirm: exactly so many
  confirmActions: entries(2),
  confirmText: graphemes(240),
  // #image-carousel
  imageColumns: entries(10),
  imageLabel: graphemes(12),
  // #action-objects
  label: graphemes(20),
  /** Of a Flex Message's button. */
  flexLabel: graphemes(40),
  uri: units(1_000),
  data: units(300),
  messageText: graphemes(300),
  displayText: graphemes(300),
  clipboardText: units(1_000),
  // #flex-message, #bubble, #f-carousel: of the JSON
  bubble: bytes(30 * 1024),
  bubbles: entries(12),
  flexCarousel: bytes(50 * 1024),
} as const satisfies Readonly<Record<string, Limit>>

const segmenter = new Intl.Segmenter()

/** How much of a limit `value` takes, as LINE counts it. */
export function sizeOf(value: unknown, counting: Counting): number {
  if (counting === 'entries') return (value as readonly unknown[]).length
  if (counting === 'bytes') return Buffer.byteLength(JSON.stringify(value))
  const text = value as string
  return counting === 'units' ? text.length : [...segmenter.segment(text)].length
}

const NAMES: Readonly<Record<Counting, string>> = {
  units: 'characters (UTF-16 units: most emoji are two or more)',
  graphemes: 'characters',
  bytes: 'bytes of JSON',
  entries: 'entries',
}

/** What is wrong with `value` by this limit; undefined where nothing is. Completes "it …". */
export function excessOf(value: unknown, { most, counting }: Limit): string | undefined {
  const size = sizeOf(value, counting)
  if (size <= most) return undefined
  return `has ${size.toLocaleString('en')} ${NAMES[counting]}, and LINE takes ${most.toLocaleString('en')} at most`
}
