import { type Static, Type } from 'typebox'
import { brazeFault } from './endpoint.ts'

/** The format of a URL that requests are sent to. */
export const HTTP_URL = 'http-url'

/** What a setting is, beyond the shape of its value. */
type About = {
  /** The last column of the reference's table, and the help. */
  readonly description: string
  /** Completes "… is wrong; it must be …". */
  readonly mustBe: string
  /** Its value is never printed, whatever it looks like. */
  readonly secret?: boolean
  /** What is wrong with a value beyond its shape: completes "NAME …; it must be …". */
  readonly fault?: (value: string) => string | undefined
}

const text = (about: About & { pattern?: string; format?: string; default?: string; enum?: string[] }) =>
  Type.String(about)
const integer = (about: About & { default?: number; minimum: number; maximum: number }) =>
  Type.Integer({ ...about, mustBe: `${about.mustBe} from ${about.minimum} to ${about.maximum}` })
/** A name or a number of this machine. */
const ADDRESS = '^[0-9A-Za-z.:_-]+$'
const httpUrl = (about: About & { default?: string }) => text({ ...about, format: HTTP_URL })
const timeout = (description: string) =>
  integer({ description, mustBe: 'milliseconds', default: 10_000, minimum: 100, maximum: 120_000 })

/**
 * Every setting, once: parsing, error messages, --help and the reference's table are made from this.
 * Names and defaults are relied upon by users and change only with a deprecation.
 */
export const SETTINGS = Type.Object({
  LINE_CHANNEL_SECRET: text({
    description: "the channel's secret, or several, separated by commas, while one is being replaced",
    mustBe: "the channel secret from the LINE Developers Console's page Basic settings",
    pattern: '^\\s*[^\\s,]+\\s*(,\\s*[^\\s,]+\\s*)*$',
    secret: true,
  }),
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
      pattern: '^[0-9]+$',
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
    description: 'a REST API key with the permission `users.track`, and `users.export.ids` for `verify`',
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
  BRAZE_CREATE_PROFILES: Type.Boolean({
    description: 'whether a reachable person unknown to Braze gets a profile',
    mustBe: 'true or false',
    default: true,
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
  DATABASE_URL: text({
    description: 'an SQLite file; its folder is made when missing',
    mustBe: 'file:PATH, such as file:./data/line-braze.db',
    default: 'file:./data/line-braze.db',
    // A password may be part of other databases' URLs.
    secret: true,
    pattern: '^file:.*[^/]$',
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
      description: 'where health and metrics are served, when apart from the webhooks; without it as `HOST`',
      mustBe: 'an address such as 127.0.0.1',
      pattern: ADDRESS,
    }),
  ),
  PRIVATE_PORT: Type.Optional(
    integer({
      description: 'the port for health and metrics; without it as `PORT`',
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
    const { description, default: value } = about(name)
    const required = SETTINGS.required.includes(name as never) && value === undefined
    return { name, default: required ? 'required' : value === undefined ? '' : String(value), description }
  })
}

type Entry = About & { readonly default?: unknown; readonly enum?: readonly string[] }

export const about = (name: SettingName): Entry => SETTINGS.properties[name] as unknown as Entry

/** The channel secrets of the setting, the first listed first. */
export const secretsOf = ({ LINE_CHANNEL_SECRET }: Pick<Settings, 'LINE_CHANNEL_SECRET'>): string[] =>
  LINE_CHANNEL_SECRET.split(',').map((secret) => secret.trim())
