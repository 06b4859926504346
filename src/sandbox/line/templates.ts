import { defaultAction, imageCarouselAction, templateAction } from './actions.ts'
import {
  all,
  byType,
  type Check,
  type Fields,
  fields,
  graphemes,
  isFields,
  list,
  matching,
  oneOf,
  text,
  uri,
} from './shape.ts'

/** With an image or a title there is less room for the text. */
const textBeside =
  (alone: number, beside: number): Check =>
  (value, path, tell) => {
    const { title, thumbnailImageUrl, text: given } = value as Fields
    const max = title === undefined && thumbnailImageUrl === undefined ? alone : beside
    text(max, graphemes)(given, [...path, 'text'], tell)
  }

const looks = {
  title: text(40, graphemes),
  thumbnailImageUrl: uri(2000, 'https'),
  imageBackgroundColor: matching(/^#[0-9a-f]{6}$/i),
  defaultAction,
}
const frames = { imageAspectRatio: oneOf('rectangle', 'square'), imageSize: oneOf('cover', 'contain') }

const column: Check = (value, path, tell) => {
  fields({ actions: list(1, 3, templateAction) }, looks)(value, path, tell)
  if (isFields(value)) textBeside(120, 60)(value, path, tell)
}

/** Columns that differ in what they have. */
const alike: Check = (value, path, tell) => {
  const columns = (value as Fields).columns
  if (!Array.isArray(columns) || !columns.every(isFields)) return
  const countsOf = (columns as Fields[]).map(({ actions }) => (Array.isArray(actions) ? actions.length : 0))
  const at = [...path, 'columns']
  if (new Set(countsOf).size > 1) tell('all columns must have the same number of actions', at)
  for (const name of ['title', 'thumbnailImageUrl']) {
    const having = (columns as Fields[]).filter((column) => column[name] !== undefined)
    if (having.length > 0 && having.length < columns.length)
      tell(`all columns must have a ${name}, or none may have one`, at)
  }
}

/** [REF] Template messages */
export const template = byType({
  buttons: all(fields({ actions: list(1, 4, templateAction) }, { ...looks, ...frames }), textBeside(160, 60)),
  confirm: fields({ text: text(240, graphemes), actions: list(2, 2, templateAction) }),
  carousel: all(fields({ columns: list(1, 10, column) }, frames), alike),
  image_carousel: fields({
    columns: list(1, 10, fields({ imageUrl: uri(2000, 'https'), action: imageCarouselAction })),
  }),
})
