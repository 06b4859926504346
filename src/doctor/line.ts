import { spanOf } from '../desk/words.ts'
import type { LedgerFacts } from '../ledger/facts.ts'
import type { Caller } from '../line/call.ts'
import { LineError } from '../line/call.ts'
import { createChannelTokens, type TokenFacts } from '../line/channel-tokens.ts'
import { type Account, createSetUp, type SetUp } from '../line/set-up.ts'
import { statelessTokens, type TokenSource } from '../line/tokens.ts'
import { foreignWords } from '../wire/foreign-words.ts'
import { type Check, notChecked, ok, said, sentence, warning, wrong } from './check.ts'
import type { ClockReading } from './clock.ts'
import { type Asking, messageOf, reach } from './reach.ts'
import { checkWebhook, testWebhook, type WebhookMeans } from './webhook.ts'

/** Whether LINE's API is there, which can be asked without a token. */
export async function reachLine(asking: Asking): Promise<{ check: Check; clock: ClockReading | undefined }> {
  const name = 'line'
  const { answer, clock } = await reach('LINE', { method: 'GET', path: '/v2/bot/info', headers: {} }, asking)
  if (typeof answer === 'string')
    return {
      clock,
      check: wrong(
        name,
        sentence(`LINE cannot be reached: ${answer}; check LINE_API_BASE_URL, and the way there`),
      ),
    }
  const isLine = answer.status !== 404 && messageOf(answer) !== undefined
  return {
    clock,
    check: isLine
      ? ok(name, 'LINE answers.')
      : wrong(
          name,
          `At LINE_API_BASE_URL something else than LINE answers (${answer.status}): check it, and the way there.`,
        ),
  }
}

export interface ChannelMeans extends WebhookMeans {
  readonly call: Caller
  /** Undefined where the settings have none. */
  readonly tokens: TokenSource | undefined
  /** Where tokens are not issued when needed. */
  readonly fixedToken: string | undefined
  readonly channelId: string | undefined
  readonly secrets: readonly string[]
  /** How the settings are called in sentences. */
  readonly names: { readonly token: string; readonly channelId: string; readonly secret: string }
  /** Whether LINE is to be asked to post a webhook. */
  readonly isTested: boolean
  readonly channel: string
  /** What the database says, once it does; null where it says nothing. */
  readonly ledger: Promise<LedgerFacts | null>
}

/** How a channel is set up at LINE; nothing there is changed. */
export async function checkChannel(means: ChannelMeans): Promise<Check[]> {
  const { tokens, call, signal } = means
  if (!tokens) return withoutToken(means)
  const setUp = createSetUp({ call, tokens })
  const account = await setUp.account(signal).catch((error: unknown) => {
    signal.throwIfAborted()
    return error as Error
  })
  if (account instanceof Error) {
    const isAway = account instanceof LineError && account.status === undefined
    if (isAway) return unknowns(means, 'LINE cannot be reached.')
    return [
      withoutAccount(account, means),
      ...unknowns(means, 'There is no token that LINE takes to ask with.').slice(1),
    ]
  }
  const checked = await Promise.all([
    checkToken(means, account),
    checkAccount(means, account),
    attempt('line.webhook', signal, () => checkWebhook(means, setUp)),
    ...(means.isTested ? [attempt('line.webhook_test', signal, () => testWebhook(means, setUp))] : []),
    attempt('line.followers', signal, () => checkFollowers(setUp, signal)),
  ])
  return checked.flat()
}

const unknowns = ({ isTested }: ChannelMeans, why: string): Check[] =>
  [
    'line.token',
    'line.secret',
    'line.account',
    'line.webhook',
    ...(isTested ? ['line.webhook_test'] : []),
    'line.followers',
  ].map((name) => notChecked(name, why))

function withoutToken(means: ChannelMeans): Check[] {
  const { token, channelId } = means.names
  return [
    notChecked(
      'line.token',
      `There is none to ask LINE with: set ${channelId}, or ${token}, as backfill needs, too.`,
    ),
    ...unknowns(means, 'There is no token to ask LINE with.').slice(1),
  ]
}

/** What it means that LINE does not say which account the token is of. */
function withoutAccount(error: Error, { names }: ChannelMeans): Check {
  if (!(error instanceof LineError)) return wrong('line.token', said(error))
  // Where a token cannot even be had, the message says what to do.
  const remedy =
    error.status === 401 && !error.message.includes('/oauth2/')
      ? `; the token has ended or is wrong: set ${names.token} to another one, or ${names.channelId} instead`
      : ''
  return wrong('line.token', sentence(`${error.message}${remedy}`))
}

async function attempt(name: string, signal: AbortSignal, check: () => Promise<Check>): Promise<Check> {
  try {
    return await check()
  } catch (error) {
    signal.throwIfAborted()
    return notChecked(name, said(error))
  }
}

/** A week: somebody has to issue another one by hand. */
const SOON_MS = 7 * 86_400_000

/** The token, and the secret, which LINE knows by the channel's id: the token's, where the settings name none. */
async function checkToken(means: ChannelMeans, { basicId }: Account): Promise<Check[]> {
  const { call, fixedToken, signal } = means
  let facts: TokenFacts | undefined
  try {
    facts = fixedToken === undefined ? undefined : await createChannelTokens(call).verify(fixedToken, signal)
  } catch {
    signal.throwIfAborted()
  }
  const shown = foreignWords(basicId)
  const leftMs = facts?.leftMs ?? null
  const taken = `LINE takes the token, which is ${shown || 'an account'}'s`
  const token =
    leftMs === null
      ? ok('line.token', `${taken}.`)
      : (leftMs < SOON_MS ? warning : ok)(
          'line.token',
          `${taken}; it ends in ${spanOf(leftMs)}, and nobody renews it. With ${means.names.channelId} tokens are issued when needed.`,
        )
  const channelId = means.channelId ?? facts?.channelId
  const secret = await attempt('line.secret', signal, () => checkSecret(means, channelId))
  return [token, secret]
}

/** LINE issues a token for the id and the secret of one channel, which ends by itself in 15 minutes and takes none away. */
async function checkSecret(
  { call, secrets, names, signal }: ChannelMeans,
  channelId: string | undefined,
): Promise<Check> {
  const name = 'line.secret'
  if (secrets.length === 0) return notChecked(name, `${names.secret} is missing or wrong.`)
  if (channelId === undefined)
    return notChecked(name, `LINE knows a secret by the channel's id: set ${names.channelId}.`)
  const areRight: boolean[] = []
  for (const channelSecret of secrets) areRight.push(await isSecret(channelSecret))
  if (!areRight.includes(true))
    return wrong(
      name,
      `${names.secret} is not the secret of the channel ${channelId}, which the token is of: every webhook is refused. Copy the Channel secret from the LINE Developers Console's page Basic settings.`,
    )
  const old = areRight.flatMap((isRight, place) => (isRight ? [] : [place + 1]))
  return ok(
    name,
    old.length === 0
      ? `LINE knows the secret as that of the channel ${channelId}.`
      : `LINE knows one of the ${secrets.length} secrets as that of the channel ${channelId}; take number ${old.join(' and ')} out once it is no longer used.`,
  )

  async function isSecret(channelSecret: string): Promise<boolean> {
    try {
      await statelessTokens({ call, channelId: channelId as string, channelSecret }).get(signal)
      return true
    } catch (error) {
      if (error instanceof LineError && (error.status === 400 || error.status === 401)) return false
      throw error
    }
  }
}

async function checkAccount({ ledger, channel, names }: ChannelMeans, { userId }: Account): Promise<Check> {
  const name = 'line.account'
  const facts = await ledger
  if (!facts) return notChecked(name, 'The database cannot be looked at.')
  const known = facts.contents?.accounts.get(channel)
  if (known === undefined)
    return notChecked(
      name,
      'The database does not say of which account it is: the first webhook or backfill tells it.',
    )
  return known === userId
    ? ok(name, 'The token is of the account that the database is of.')
    : wrong(
        name,
        `The token is of another LINE Official Account than the database: set ${names.token} or ${names.channelId} of the same channel as ${names.secret}, or DATABASE_URL to a new database.`,
      )
}

async function checkFollowers(setUp: SetUp, signal: AbortSignal): Promise<Check> {
  const name = 'line.followers'
  return (await setUp.listsFollowers(signal))
    ? ok(name, 'LINE gives the follower list, so that backfill works.')
    : warning(
        name,
        'LINE gives the follower list to verified and premium accounts only: everything but backfill works.',
      )
}
