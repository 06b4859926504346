import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

/** Who has signed in. */
export interface Session {
  readonly id: string
  readonly leftMs: number
}

/** A shift. */
export const SESSION_MS = 12 * 3_600_000
/** Servers that share their tokens need not share a clock. */
const CLOCKS_APART_MS = 60_000
const KEY_BYTES = 32
/** Until when, milliseconds since 1970, which one, and that it is ours. */
const VALUE = /^(\d{13})\.([\w-]{22})\.([\w-]{43})$/

/**
 * Sessions that nobody has to remember: a cookie says until when it is good, signed by a key that is made of the token that
 * somebody has signed in with. So every server that has this token knows the session, also after a restart, and none does
 * once the token is taken out of the settings. A cookie does not give the token away: to try one costs what scrypt does.
 */
export function createSessions(tokens: readonly string[], now: () => number = Date.now) {
  let made: Promise<ReadonlyMap<string, Buffer>> | undefined
  /** Only once somebody comes: it takes a moment for each. */
  const keys = () => {
    made ??= Promise.all(tokens.map(async (token) => [token, await keyOf(token)] as const)).then(
      (all) => new Map(all),
    )
    return made
  }
  /** Signed out before their end, which is kept: they are as many as have signed in. */
  const ended = new Map<string, number>()

  return {
    /** The value of a cookie for who has sent `token`. */
    async begin(token: string): Promise<string> {
      const said = `${now() + SESSION_MS}.${randomBytes(16).toString('base64url')}`
      const key = (await keys()).get(token)
      if (!key) throw new Error('This token begins no session.')
      return `${said}.${macOf(key, said).toString('base64url')}`
    },
    /** Null where the cookie is none of ours, or not good any more. */
    async find(value: string): Promise<Session | null> {
      const [, until, id = '', mac = ''] = VALUE.exec(value) ?? []
      const leftMs = Number(until) - now()
      if (!(leftMs > 0 && leftMs <= SESSION_MS + CLOCKS_APART_MS) || ended.has(id)) return null
      const sent = Buffer.from(mac, 'base64url')
      const all = [...(await keys()).values()].map((key) => macOf(key, `${until}.${id}`))
      return all.filter((each) => timingSafeEqual(each, sent)).length > 0 ? { id, leftMs } : null
    },
    /** Ends it at this server. */
    end({ id, leftMs }: Session) {
      for (const [other, until] of ended) if (until <= now()) ended.delete(other)
      ended.set(id, now() + leftMs)
    },
  }
}

export type Sessions = ReturnType<typeof createSessions>

const keyOf = (token: string) => promisify(scrypt)(token, 'line-braze session', KEY_BYTES) as Promise<Buffer>

const macOf = (key: Buffer, said: string) => createHmac('sha256', key).update(said).digest()
