import type { Webhook } from '../message/webhook.ts'

/** A webhook, field by field, as Braze's dashboard asks for it; the body comes last, as it is to be pasted. */
export function showWebhook({ url, method, headers, body }: Webhook): string {
  const pairs = Object.entries(headers).flatMap(([name, value]) => [`Key:   ${name}`, `Value: ${value}`, ''])
  return [
    ...section('Webhook URL', url),
    ...section('HTTP Method', method),
    ...section('Request Headers', ...pairs.slice(0, -1)),
    ...section('Request Body: Raw Text', body),
  ]
    .join('\n')
    .trimEnd()
}

const section = (heading: string, ...lines: readonly string[]) => [
  heading,
  '-'.repeat(heading.length),
  ...lines,
  '',
]
