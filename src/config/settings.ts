import { type Static, Type } from 'typebox'
import { assertionKeyFault } from './assertion-key.ts'
import { databaseFault } from './database-url.ts'
import { brazeFault } from './endpoint.ts'

/** The format of a URL that requests are sent to. */
export const HTTP_URL = 'http-url'

/** What a setting is, beyond the shape of its value. */
export type About = {
  /** The last column of the reference's table, and the help. */
  readonly description: string
  /** Completes "… is wrong; it must be …". */
  readonly mustBe: string
  /** Its value is never printed, whatever it looks like. */
  readonly secret?: boolean
  /** What is wrong with a value beyond its shape: completes "NAME …; it must be …". */
  readonly fault?: (value: string) => string | undefined
  /** It is required, unless this other one is set. */
  readonly unless?: string
}

const text = (about: About & { pattern?: string; format?: string; default?: string; enum?: string[] }) =>
  Type.String(about)
const oneOf = <W extends string>(words: readonly W[], about: About & { default: NoInfer<W> }) =>
  Type.Unsafe<W>(text({ ...about, enum: [...words] }))
const integer = (about: About & { default?: number; minimum: number; maximum: number }) =>
  Type.Integer({ ...about, mustBe: `${about.mustBe} from ${about.minimum} to ${about.maximum}` })
/** One or more, separated by commas: such as `pattern` is, without a comma within. */
const listed = (pattern: string) => `^\\s*${pattern}\\s*(,\\s*${pattern}\\s*)*$`
/** The parts of such a list, the first listed first. */
export const partsOf = (list: string): string[] => list.split(',').map((part) => part.trim())
const DIGITS = '^[0-9]+$'
/** A name or a number of this machine. */
const ADDRESS = '^[0-9A-Za-z.:_-]+$'
const yesOrNo = (about: Omit<About, 'mustBe'> & { default: boolean }) =>
  Type.Boolean({ ...about, mustBe: 'true or false' })
const httpUrl = (about: About & { default?: string }) => text({ ...about, format: HTTP_URL })
const timeout = (description: string) =>
  integer({ description, mustBe: 'milliseconds', default: 10_000, minimum: 100, maximum: 120_000 })

/**
 * Every setting, once: parsing, error messages, --help and the reference's table are made from this.
 * Names and defaults are relied upon by users and change only with a deprecation.
 */
export const SETTINGS = Type.Object({
  LINE_CHANNEL_SECRET: Type.Optional(
    text({
      description: "the channel's secret, or several, separated by commas, while one is being replaced",
      mustBe: "the channel secret from the LINE Developers Console's page Basic settings",
      pattern: listed('[^\\s,]+'),
      secret: true,
      unless: 'LINE_CHANNELS_FILE',
    }),
  ),
  LINE_CHANNEL_ACCESS_TOKEN: Type.Optional(
    text({
      description: "a token for LINE's API, which `backfill` reads the follower list from; or",
      mustBe: 'a channel access token without spaces',
      pattern: '^[\\x21-\\x7e]+$',
      secret: true,
    }),
  ),
  LINE_CHANNEL_ID: Type.Optional(
    text({
      description:
        'with it and the first secret, 15-minute stateless tokens are issued when needed; it goes before a token',
      mustBe: "the digits of the LINE Developers Console's Channel ID",
      pattern: DIGITS,
    }),
  ),
  LINE_ASSERTION_KEY: Type.Optional(
    text({
      description:
        "(with `LINE_CHANNEL_ID`) private JWK of an assertion signing key, with `kid`: v2.1 tokens, kept fresh in Braze's Content Block; LINE's API is then asked without the secret",
      mustBe:
        "the private JWK, with kid, of an RSA key of 2048 bits or more whose public half is registered on the LINE Developers Console's page Basic settings; line-braze token keygen makes one",
      fault: assertionKeyFault,
      secret: true,
    }),
  ),
  LINE_LOGIN_CHANNEL_ID: Type.Optional(
    text({
      description: 'the LINE Login channel whose ID tokens may link',
      mustBe: "the digits of the LINE Login channel's Channel ID",
      pattern: DIGITS,
    }),
  ),
  LINE_CHANNELS_FILE: Type.Optional(
    text({
      description: 'a JSON file with several channels, instead of the settings of one',
      mustBe: 'the path of a JSON file with a list of channels',
      pattern: '[^/]$',
    }),
  ),
  LINE_API_BASE_URL: httpUrl({
    description: "where LINE's API is",
    mustBe: 'a URL such as https://api.line.me',
    default: 'https://api.line.me',
  }),
  LINE_TIMEOUT_MS: timeout('for one request to LINE'),
  BRAZE_REST_ENDPOINT: httpUrl({
    description: 'e.g. `https://rest.jp-01.braze.com`',
    mustBe: 'the REST endpoint of your Braze instance without a path, such as https://rest.jp-01.braze.com',
    fault: brazeFault,
  }),
  BRAZE_API_KEY: text({
    description:
      'a REST API key with the permission `users.track`, and `users.export.ids` to look customers up and for `verify`; for the token in Braze `content_blocks.list`, `.info`, `.create` and `.update`',
    mustBe: "a REST API key from Braze's page Settings > APIs and Identifiers",
    pattern: '^[\\x21-\\x7e]+$',
    secret: true,
  }),
  BRAZE_ATTRIBUTE: text({
    description: 'the custom attribute',
    mustBe:
      "the name of a custom attribute, 1 to 255 characters, not starting with $ or _, and none of Braze's own",
    default: 'line_id',
    pattern: '^(?!(external_id|user_alias|braze_id|email|phone)$)[^$_].{0,254}$',
  }),
  BRAZE_ALIAS_LABEL: text({
    description: 'label of the user alias',
    mustBe: 'a label of 1 to 255 characters',
    default: 'line_id',
    pattern: '^.{1,255}$',
  }),
  BRAZE_CREATE_PROFILES: oneOf(['true', 'always', 'false'], {
    description:
      '`true`: a reachable person unknown to Braze gets an alias profile; `always`: an unknown external id makes a profile, too; `false`: none',
    mustBe: 'true, always or false',
    default: 'true',
  }),
  BRAZE_CHECK_CUSTOMERS: yesOrNo({
    description:
      'whether a linked customer is looked up in Braze before the alias profile loses `line_id` (needs `users.export.ids`)',
    default: true,
  }),
  BRAZE_MERGE_PROFILES: yesOrNo({
    description:
      "whether the emptied alias profile of a linked person is merged into the customer's (cannot be undone)",
    default: false,
  }),
  BRAZE_TOKEN_BLOCK: text({
    description: "name of the Content Block that holds LINE's token",
    mustBe: 'the name of a Content Block, 1 to 99 of A to Z, a to z, 0 to 9, _ and -',
    default: 'LINE_Channel_AccessToken',
    pattern: '^[A-Za-z0-9_-]{1,99}$',
  }),
  BRAZE_SETTLE_MS: integer({
    description: 'pause between two writes to the same user',
    mustBe: 'milliseconds',
    default: 5_000,
    minimum: 0,
    maximum: 600_000,
  }),
  BRAZE_REQUESTS_PER_SECOND: integer({
    description: "own upper limit; Braze's headers can only lower it",
    mustBe: 'a whole number',
    default: 1_000,
    minimum: 1,
    maximum: 100_000,
  }),
  BRAZE_CONCURRENCY: integer({
    description: 'requests in flight',
    mustBe: 'a whole number',
    default: 8,
    minimum: 1,
    maximum: 256,
  }),
  BRAZE_TIMEOUT_MS: timeout('for one request to Braze'),
  MESSAGER_WINDOW_DAYS: integer({
    description: 'days after which who only wrote counts as unreachable; 0: never',
    mustBe: 'days',
    default: 0,
    minimum: 0,
    maximum: 3_650,
  }),
  FORGET_DAYS: integer({
    description: 'days for which a forgotten person is not brought back by late events or lists',
    mustBe: 'days',
    default: 7,
    minimum: 1,
    maximum: 3_650,
  }),
  API_TOKENS: Type.Optional(
    text({
      description: 'bearer tokens for `/api` and the page, separated by commas; without it neither exists',
      mustBe: 'tokens of at least 16 characters without spaces, separated by commas',
      pattern: listed('[\\x21-\\x2b\\x2d-\\x7e]{16,}'),
      secret: true,
    }),
  ),
  DATABASE_URL: text({
    description:
      'an SQLite file, whose folder is made when missing, or a PostgreSQL database, `postgres://…`',
    mustBe: 'file:PATH, such as file:./data/line-braze.db, or postgres://USER:PASSWORD@HOST/DATABASE',
    default: 'file:./data/line-braze.db',
    // A password may be part of it.
    secret: true,
    pattern: '^(file:.*[^/]|postgres(ql)?://.+)$',
    fault: databaseFault,
  }),
  HOST: text({
    description: 'the address to listen on',
    mustBe: 'an address such as 0.0.0.0 or 127.0.0.1',
    default: '0.0.0.0',
    pattern: ADDRESS,
  }),
  PORT: integer({
    description: 'the port to listen on; 0 takes a free one',
    mustBe: 'a port',
    default: 3_000,
    minimum: 0,
    maximum: 65_535,
  }),
  PRIVATE_HOST: Type.Optional(
    text({
      description:
        'where health, metrics, `/api` and the page are served, when apart from the webhooks; without it as `HOST`',
      mustBe: 'an address such as 127.0.0.1',
      pattern: ADDRESS,
    }),
  ),
  PRIVATE_PORT: Type.Optional(
    integer({
      description: 'the port for health, metrics, `/api` and the page; without it as `PORT`',
      mustBe: 'a port',
      minimum: 0,
      maximum: 65_535,
    }),
  ),
  BODY_LIMIT_BYTES: integer({
    description:
      'the largest webhook body that is read; a larger one is answered 413, and its events are lost',
    mustBe: 'bytes',
    default: 1_048_576,
    minimum: 1_024,
    maximum: 104_857_600,
  }),
  LOG_LEVEL: text({
    description: 'JSON lines; readable lines on a terminal',
    mustBe: 'one of fatal, error, warn, info, debug, trace, silent',
    default: 'info',
    enum: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
  }),
})

export type Settings = Static<typeof SETTINGS>
export type SettingName = keyof Settings

export const SETTING_NAMES = Object.keys(SETTINGS.properties) as SettingName[]

/** One row for each setting: what --help and the reference show. */
export function describeSettings(): { name: SettingName; default: string; description: string }[] {
  return SETTING_NAMES.map((name) => {
    const { description, default: value, unless } = about(name)
    const required = SETTINGS.required.includes(name as never) && value === undefined
    const shown = required || unless !== undefined ? 'required' : value === undefined ? '' : String(value)
    return { name, default: shown, description }
  })
}

type Entry = About & { readonly default?: unknown }

export const about = (name: SettingName): Entry => SETTINGS.properties[name] as unknown as Entry
