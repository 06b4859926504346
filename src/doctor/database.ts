import type { LedgerFacts, Place, ServerFacts } from '../ledger/facts.ts'
import { type Check, ok, said, warning, wrong } from './check.ts'

/** How the database stands that `facts` tells of, or of which it was told why it can't be looked at. */
export function checkDatabase(facts: LedgerFacts | Error, channels: readonly string[]): Check[] {
  const name = 'database'
  if (facts instanceof Error) return [wrong(name, said(facts))]
  const { contents, version, newest } = facts
  const all = facts.server ? ofServer(facts.server) : []
  if (facts.server?.isReadOnly) return all
  if (version === 0)
    return [warning(name, `${placeOf(facts)} has no ledger yet: the server makes it when it starts.`), ...all]
  if (version < newest)
    return [
      warning(
        name,
        `${placeOf(facts)} has schema ${version} of ${newest}: the server brings it up to date when it starts, or line-braze migrate before that.`,
      ),
      ...all,
    ]
  if (contents?.refusal) return [wrong(name, contents.refusal), ...all]
  const of = facts.server ? `, PostgreSQL ${facts.server.version}` : ''
  return [
    ok(name, `${placeOf(facts)} can be read and written, and has the newest schema, ${version}${of}.`),
    ...all,
    ...ofStrangers(contents?.channels ?? [], channels),
  ]
}

const placeOf = ({ name, server }: LedgerFacts) => (server ? `The database ${name}` : name)

function ofServer({ isReadOnly, mayMakeTables, mayWrite, synchronousCommit, fsync }: ServerFacts): Check[] {
  if (isReadOnly)
    return [
      wrong(
        'database',
        'The database is read-only, as a standby is; set DATABASE_URL to the one that can be written.',
      ),
    ]
  const checks: Check[] = []
  if (!mayWrite)
    checks.push(
      wrong('database.rights', "The user of DATABASE_URL may not change the ledger's tables: grant it that."),
    )
  else if (!mayMakeTables)
    checks.push(
      warning(
        'database.rights',
        'The user of DATABASE_URL may not make tables in its schema, as a new version has to: grant it CREATE there.',
      ),
    )
  const off = [
    ...(synchronousCommit === 'off' ? ['synchronous_commit'] : []),
    ...(fsync === 'off' ? ['fsync'] : []),
  ]
  checks.push(
    off.length > 0
      ? warning(
          'database.durable',
          `The database has ${off.join(' and ')} off: what LINE was told is stored can be lost when its machine crashes. Set it on.`,
        )
      : ok('database.durable', `What is committed is on disk (synchronous_commit is ${synchronousCommit}).`),
  )
  return checks
}

/** What the settings know nothing of is told to nobody. */
const ofStrangers = (known: readonly string[], channels: readonly string[]): Check[] =>
  known
    // Where no channel can be read at all, that is told already.
    .filter((channel) => channels.length > 0 && !channels.includes(channel))
    .map((channel) =>
      warning(
        'database.channels',
        `The database knows the channel ${channel}, and the settings have no such channel: nothing of it reaches Braze; give it in LINE_CHANNELS_FILE.`,
      ),
    )

/** File systems that other machines serve, as Linux numbers them; SQLite's log is shared memory, which ends at this machine. */
const OF_A_NETWORK: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x01021997, '9P'],
  [0x00c36400, 'Ceph'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x73757245, 'Coda'],
  [0x786f4256, 'VirtualBox'],
])
/** Those that do not stay, and one of which nobody can tell. */
const DOUBTFUL: ReadonlyMap<number, string> = new Map([
  [0x01021994, 'in memory (tmpfs): it is gone when this machine restarts'],
  [0x858458f6, 'in memory (ramfs): it is gone when this machine restarts'],
  [
    0x794c7630,
    'in the layer of a container (overlay): it is gone with the container, unless this is no container',
  ],
  [0x65735546, 'on FUSE, which may be a network: SQLite needs a local disk'],
])

const MIB = 2 ** 20
const LEAST_BYTES = 100 * MIB
const FEW_BYTES = 1_024 * MIB

/** Where the file of the database is. */
export function checkDisk(place: Place | Error, platform: NodeJS.Platform): Check {
  const name = 'database.disk'
  if (place instanceof Error) return wrong(name, said(place))
  const { folder, type, freeBytes } = place
  // Elsewhere the numbers mean something else. Some come with their sign.
  const network = platform === 'linux' ? OF_A_NETWORK.get(type >>> 0) : undefined
  if (network)
    return wrong(
      name,
      `${folder} is on a network (${network}), where SQLite's log loses what was stored; set DATABASE_URL to a local disk, or to PostgreSQL.`,
    )
  const free = `${freeBytes >= 10 * FEW_BYTES ? `${Math.round(freeBytes / FEW_BYTES)} GiB` : `${Math.floor(freeBytes / MIB)} MiB`} free`
  if (freeBytes < LEAST_BYTES)
    return wrong(name, `${folder} has ${free}: webhooks are lost when that is used up; free some space.`)
  const doubt = platform === 'linux' ? DOUBTFUL.get(type >>> 0) : undefined
  if (doubt) return warning(name, `${folder} is ${doubt}; set DATABASE_URL to a disk that stays.`)
  if (freeBytes < FEW_BYTES)
    return warning(name, `${folder} has ${free}; free some space before it is used up.`)
  return ok(
    name,
    platform === 'linux' ? `${folder} is on a local disk, with ${free}.` : `${folder} has ${free}.`,
  )
}
