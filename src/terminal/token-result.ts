import type { Look } from '../token/look.ts'
import type { TokenChannel } from '../token/means.ts'
import { TOKEN_LIMIT } from '../token/once.ts'
import { many } from './numbers.ts'

/** What a channel's block holds, as `token --json` says it. */
export interface TokenState {
  readonly channel: string
  readonly block: string
  /** `wrong`: there is none, or LINE does not take it, or it is another channel's. */
  readonly status: 'ok' | 'wrong'
  /** LINE's name for the token, where it was issued here. */
  readonly keyId: string | null
  readonly writtenBy: 'line-braze' | 'somebody else' | null
  /** Null where it has no end, or LINE does not take it. */
  readonly secondsLeft: number | null
  /** Tokens v2.1 of the channel that have not ended; null where there is no key to ask by. */
  readonly liveTokens: number | null
  readonly message: string
}

/** @param live as `liveTokens` */
export function stateOf({ name, block }: TokenChannel, found: Look, live: number | null): TokenState {
  const alive = found.kind === 'alive' ? found : undefined
  const count =
    live === null ? '' : ` The channel has ${live} of the ${TOKEN_LIMIT} tokens v2.1 that LINE allows.`
  return {
    channel: name,
    block,
    status: alive ? 'ok' : 'wrong',
    keyId: alive?.known?.keyId ?? null,
    writtenBy: found.kind === 'absent' ? null : alive?.known ? 'line-braze' : 'somebody else',
    secondsLeft: secondsOf(alive?.leftMs ?? null),
    liveTokens: live,
    message: sentenceOf(found, block) + count,
  }
}

export const secondsOf = (ms: number | null): number | null => (ms === null ? null : Math.floor(ms / 1000))

function sentenceOf(found: Look, block: string): string {
  switch (found.kind) {
    case 'absent':
      return `Braze lists no Content Block ${block}: no message can be sent by a template that takes the token from it.`
    case 'dead':
      return `LINE does not take what the Content Block ${block} holds: every message is lost.`
    case 'stranger':
      return `The Content Block ${block} holds a token of the channel ${found.channelId}: no message reaches anybody of this one.`
    case 'alive': {
      const { known, leftMs } = found
      const which = known
        ? `the token ${known.keyId}, which line-braze has issued`
        : 'a token that somebody else has written'
      return `The Content Block ${block} holds ${which}. LINE takes it${forHowLong(leftMs)}.`
    }
  }
}

/** `, for 29 days`; `, and it has no end`. */
export const forHowLong = (leftMs: number | null): string =>
  leftMs === null ? ', and it has no end' : `, for ${timeOf(leftMs / 1000)}`

function timeOf(seconds: number): string {
  const [unit, name] = UNITS.find(([unit]) => seconds >= 2 * unit) ?? [1, 'second']
  return many(Math.floor(seconds / unit), name)
}

const UNITS: readonly (readonly [number, string])[] = [
  [86_400, 'day'],
  [3_600, 'hour'],
  [60, 'minute'],
]
