import { flexAction, flexButtonAction } from './actions.ts'
import { byType, type Check, fields, list, oneOf, type Path, text, uri } from './shape.ts'

const kilobyte = 1024
/** [REF] Flex Message */
const [maxBubble, maxCarousel, maxBubbles] = [30 * kilobyte, 50 * kilobyte, 12]
const many = Number.POSITIVE_INFINITY

const withAction = { action: flexAction }
const image = fields({ url: uri(2000, 'https') }, withAction)
const video = fields({
  url: uri(2000, 'https'),
  previewUrl: uri(2000, 'https'),
  altContent: (value, path, tell) => component(value, path, tell),
})
const span = fields({ type: oneOf('span'), text: text(many) })

const flexText: Check = (value, path, tell) => {
  const { text: plain, contents } = value as Record<string, unknown>
  // Spans go in place of a text.
  if (contents !== undefined && plain === undefined)
    fields({ contents: list(1, many, span) }, withAction)(value, path, tell)
  else fields({ text: mustBeText }, withAction)(value, path, tell)
}

function mustBeText(value: unknown, path: Path, tell: Parameters<Check>[2]) {
  if (typeof value !== 'string' || value === '') tell('must be non-empty text', path)
}

const box = fields(
  {
    layout: oneOf('horizontal', 'vertical', 'baseline'),
    contents: list(0, many, (value, path, tell) => component(value, path, tell)),
  },
  withAction,
)

const component: Check = byType({
  box,
  button: fields({ action: flexButtonAction }),
  image,
  video,
  icon: fields({ url: uri(2000, 'https') }),
  text: flexText,
  filler: fields({}),
  separator: fields({}),
})

const onlyBox = byType({ box })
const blocks = { header: onlyBox, hero: byType({ box, image, video }), body: onlyBox, footer: onlyBox }
const bubble = sized(maxBubble, fields({}, { ...blocks, ...withAction }))

/** The contents of a flex message. */
export const flexContainer = byType({
  bubble,
  carousel: sized(maxCarousel, fields({ contents: list(1, maxBubbles, byType({ bubble })) })),
})

/** Most bytes as JSON. */
function sized(max: number, check: Check): Check {
  return (value, path, tell) => {
    if (Buffer.byteLength(JSON.stringify(value)) > max) tell(`must not be larger than ${max} bytes`, path)
    check(value, path, tell)
  }
}
