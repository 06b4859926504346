/** What compose.yaml and the Kubernetes manifests say about containers, in one shape. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { loadSettings } from '../../src/config/load.ts'
import { SETTING_NAMES } from '../../src/config/settings.ts'
import { ROOT } from '../harness/process.ts'

export const read = (name: string) => readFileSync(resolve(ROOT, name), 'utf8')
export const PACKAGE: { version: string } = JSON.parse(read('package.json'))

export type Variables = Readonly<Record<string, string>>

/** The variables of the image. */
export const IMAGE_VARIABLES: Variables = Object.fromEntries(
  Array.from(read('Dockerfile').matchAll(/^(?:ENV| {3}) (\w+)=(\S+)/gm), ([, name, value]) => [name, value]),
)

export const DEFAULTS = loadSettings({}, '', ['PORT', 'BRAZE_TIMEOUT_MS', 'DATABASE_URL'])

/** As requests in flight to Braze, what is open after them, and a log that nobody reads; src/process/serve.ts. */
export const STOP_SECONDS = DEFAULTS.BRAZE_TIMEOUT_MS / 1_000 + 5 + 1

/** Those that are no setting, nor a setting from a file. */
export const notSettings = (variables: Variables) =>
  Object.keys(variables).filter(
    (name) => !SETTING_NAMES.some((known) => name === known || name === `${known}_FILE`),
  )

/** Files that are read as secrets: their paths. */
export const secretsIn = (variables: Variables) =>
  Object.entries(variables).flatMap(([name, path]) => (name.endsWith('_FILE') ? [path] : []))

/** Values of the shape that the settings from files have. */
export const SECRETS: Variables = {
  LINE_CHANNEL_SECRET: '0123456789abcdef0123456789abcdef',
  BRAZE_API_KEY: 'a-key',
  DATABASE_URL: 'postgres://line_braze:password@postgres/line_braze',
}

/** What a container's process finds in its environment, its secrets in files of `folder` instead. */
export const environmentIn = (folder: string, variables: Variables): Variables => ({
  ...IMAGE_VARIABLES,
  ...Object.fromEntries(
    Object.entries(variables).map(([name, value]) =>
      name.endsWith('_FILE') ? [name, join(folder, name.replace(/_FILE$/, ''))] : [name, value],
    ),
  ),
})

export const manifestFiles = () =>
  readdirSync(resolve(ROOT, 'deploy/kubernetes'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => `deploy/kubernetes/${name}`)
