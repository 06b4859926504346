import type { messagingApi } from '@line/bot-sdk'
import { LIMITS, type Limit } from './limits.ts'
import {
  actionUri,
  anything,
  byType,
  list,
  object,
  oneOf,
  optional,
  type Rule,
  required,
  text,
} from './rules.ts'

interface ActionOptions {
  /** Whether the label is needed; where nothing shows it, it is not. Default true. */
  readonly needsLabel?: boolean
  /** Whether it is a quick reply's, which can open more. Default false. */
  readonly isQuickReply?: boolean
}

/** What happens when somebody taps; `limit` of its label. */
export function actionWith(
  limit: Limit,
  { needsLabel = true, isQuickReply = false }: ActionOptions = {},
): Rule {
  const label = needsLabel ? required(text(limit)) : optional(text(limit))
  const common = { type: required(anything), label }
  const ofQuickReply = isQuickReply ? object<messagingApi.CameraAction>(common) : onlyIn('quick replies')
  return byType({
    uri: object<messagingApi.URIAction>({
      ...common,
      uri: required(actionUri),
      altUri: optional(object<messagingApi.AltUri>({ desktop: optional(actionUri) })),
    }),
    message: object<messagingApi.MessageAction>({ ...common, text: required(text(LIMITS.messageText)) }),
    postback: object<messagingApi.PostbackAction>({
      ...common,
      data: required(text(LIMITS.data)),
      displayText: optional(text(LIMITS.displayText)),
      text: optional(text(LIMITS.displayText)),
      inputOption: optional(oneOf('closeRichMenu', 'openRichMenu', 'openKeyboard', 'openVoice')),
      fillInText: optional(text(LIMITS.displayText)),
    }),
    datetimepicker: object<messagingApi.DatetimePickerAction>({
      ...common,
      data: required(text(LIMITS.data)),
      mode: required(oneOf('date', 'time', 'datetime')),
      initial: optional(text()),
      max: optional(text()),
      min: optional(text()),
    }),
    clipboard: object<messagingApi.ClipboardAction>({
      ...common,
      clipboardText: required(text(LIMITS.clipboardText)),
    }),
    camera: ofQuickReply,
    cameraRoll: ofQuickReply,
    location: ofQuickReply,
    richmenuswitch: onlyIn('rich menus'),
  } satisfies Record<messagingApi.Action['type'], Rule>)
}

const onlyIn =
  (where: string): Rule =>
  (_value, place) =>
    place.at('type').tell(`works in ${where} only`)

/** Of a whole image, title and text: what opens has no name there. */
export const templateAction = actionWith(LIMITS.label, { needsLabel: false })

export const actions = (limit: Limit, least = 1): Rule => list(actionWith(LIMITS.label), limit, least)
