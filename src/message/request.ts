import type { messagingApi } from '@line/bot-sdk'
import { isObject, parseJson } from '../wire/answer.ts'
import { Aborted, LiquidError, type LiquidTemplate } from './liquid.ts'
import { pushRequest } from './messages.ts'
import { type Problem, problemsOf } from './rules.ts'

/** What is filled in for a name; undefined: nothing. */
export type Fill = (name: string) => string | undefined

/**
 * What becomes of a body with certain values: a request, and what LINE would refuse of it; `unreadable`: a text that is none;
 * `failed`: no text; `aborted`: nothing is sent, as the template says.
 */
export type Outcome =
  | {
      readonly kind: 'request'
      readonly request: messagingApi.PushMessageRequest
      readonly problems: readonly Problem[]
    }
  | { readonly kind: 'unreadable' | 'failed' | 'aborted'; readonly problems: readonly Problem[] }

export function requestOf(body: LiquidTemplate, fill: Fill): Outcome {
  let rendered: string
  try {
    rendered = body.render(fill)
  } catch (error) {
    const kind = error instanceof Aborted ? 'aborted' : 'failed'
    return { kind, problems: [{ property: 'body', message: wordsOf(error) }] }
  }
  const request = parseJson(rendered)
  if (request === undefined) {
    const message = `is no JSON once it is rendered${placeOfFault(rendered)}`
    return { kind: 'unreadable', problems: [{ property: 'body', message }] }
  }
  let problems: Problem[]
  try {
    problems = problemsOf(request, pushRequest)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return { kind: 'unreadable', problems: [{ property: 'body', message: 'is nested too deeply' }] }
  }
  if (!isObject(request)) return { kind: 'unreadable', problems }
  return { kind: 'request', request: request as unknown as messagingApi.PushMessageRequest, problems }
}

/** What is wrong with Liquid that could not be read or rendered. */
export function wordsOf(error: unknown): string {
  if (error instanceof Aborted)
    return `ends the message (${error.message || 'abort_message'}) with these values; give others with --value`
  if (!(error instanceof LiquidError)) throw error
  return `is no Liquid that Braze takes${error.line === undefined ? '' : `, line ${error.line}`}: ${error.message}`
}

/** Where the parser says so; its words would show a part of the text. */
function placeOfFault(rendered: string): string {
  try {
    JSON.parse(rendered)
    return ''
  } catch (error) {
    const [where = ''] = /line \d+ column \d+/.exec((error as Error).message) ?? []
    return where && ` (${where})`
  }
}
