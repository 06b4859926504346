import { all, byType, type Check, fields, graphemes, oneOf, text, uri } from './shape.ts'

/** What a tap does. `label` says where the action stands. [REF] Action objects */
function actions(label: { required: Record<string, Check>; optional: Record<string, Check> }) {
  const action = (required: Record<string, Check>, optional: Record<string, Check> = {}) =>
    fields({ ...label.required, ...required }, { ...label.optional, ...optional })
  return {
    postback: action(
      { data: text(300) },
      { displayText: text(300, graphemes), text: text(300, graphemes), inputOption: inputOptions },
    ),
    message: action({ text: text(300, graphemes) }),
    uri: action({ uri: uri(1000, 'http', 'https', 'line', 'tel') }),
    datetimepicker: action({ data: text(300), mode: oneOf('date', 'time', 'datetime') }),
    clipboard: action({ clipboardText: text(1000) }),
  }
}

const inputOptions = oneOf('closeRichMenu', 'openRichMenu', 'openKeyboard', 'openVoice')
const labelled = (max: number) => actions({ required: { label: text(max, graphemes) }, optional: {} })
const unlabelled = (max: number) => actions({ required: {}, optional: { label: text(max, graphemes) } })

/** Of a template with buttons. */
export const templateAction = byType(labelled(20))
/** Of a tap on the image, the title or the text of a template. */
export const defaultAction = byType(unlabelled(20))
export const imageCarouselAction = byType(unlabelled(12))
export const flexButtonAction = byType(labelled(40))
export const flexAction = byType(unlabelled(40))

const onlyLabel = fields({ label: text(20, graphemes) })
const quickReplyAction = byType({
  ...labelled(20),
  camera: onlyLabel,
  cameraRoll: onlyLabel,
  location: onlyLabel,
})

export const quickReplyItem = all(
  fields({ type: oneOf('action'), action: quickReplyAction }, { imageUrl: uri(2000, 'https') }),
)
