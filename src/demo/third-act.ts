import { number } from '../terminal/numbers.ts'
import { WAYS } from './brand.ts'
import { type Cast, createCast } from './cast.ts'
import { compare, countTwice } from './compare.ts'
import { frameOf, type LogInProgress, lineOf } from './log-in-progress.ts'
import { type Before, createLogIns } from './log-ins.ts'
import { patienceMs, withPatience } from './patience.ts'
import type { Play } from './play.ts'
import type { Means, Stage } from './stage.ts'

/** What becomes of those who have logged in. */
const CHANGES = {
  /** Log-ins of people who have logged in before: as another customer, and with a new phone. */
  again: 2,
  newPhones: 1,
  unlinked: 1,
}

/**
 * Customers of the brand log in, and the server that runs hears whose LINE it is. Where everybody belongs in the end, and
 * what was done.
 */
export async function playThirdAct(play: Play, stage: Stage, before: Before, means: Means) {
  const { braze, lineApi } = stage
  const { health } = before.service
  const { interruption, display } = means
  const { signal } = interruption
  const cast = createCast(play.people, lineApi.followers())
  const { late } = cast
  const known = cast.customers.filter((customer) => customer !== late.customer)
  const people = createLogIns(play, before, cast, stage, signal)

  /** Resolves once Braze reaches those customers whom it should, and no others, of all but `except`. */
  const untilReached = (except?: string) =>
    braze.until(() =>
      [...people.expected().customers].every(
        ([customer, userId]) => customer === except || braze.customerAttribute(customer) === userId,
      ),
    )

  async function logInAndChange() {
    await people.all()
    await untilReached(late.customer)
    display.say(
      'One logs in as another customer, one is not linked any more, one has a new phone, and one blocks.',
    )
    const { mover, leaver, owner, blocker } = cast
    await Promise.all([
      people.logIn({ ...mover, customer: mover.next, way: 'accountLink', isNew: false }),
      people.unlink(leaver.userId),
      people.logIn({ ...owner, userId: owner.phone, way: 'idToken', isNew: true }),
      people.block(blocker.userId),
    ])
    await braze.until(() => braze.customerAttribute(blocker.customer) === undefined)
    display.say('The one who blocked returns.')
    await people.follow(blocker.userId)
    await untilReached()
    await health.untilDelivered(signal)
  }

  async function appear() {
    await health.untilWaiting(signal)
    display.say(
      'Braze does not know one of these customers: the link waits, and the person is reached as before.',
      'Now that customer appears at Braze; the server finds out when it asks next.',
    )
    braze.createCustomer(late.customer)
  }

  function progress(): LogInProgress {
    const places = { ...people.expected(), people: new Map() }
    return {
      logIns: people.done.logIns,
      toCome: cast.logIns.length + CHANGES.again,
      delivery: health.latest(),
      wanted: [...places.customers.values()].filter((userId) => userId !== undefined).length,
      customersOnLine: compare(places, braze).customersOnLine,
      twice: countTwice(braze),
    }
  }

  for (const customer of known) braze.createCustomer(customer)
  return withPatience(
    patienceMs(play.people),
    interruption,
    () => openOf(progress()),
    async () => {
      display.say(
        'Third act: customers log in, and the server hears whose LINE it is.',
        `Braze has ${number(known.length)} customers, and can reach none of them on LINE: whom it reaches are strangers to it.`,
        ...describeCast(cast),
      )
      display.show({ frame: () => frameOf(progress()), line: () => lineOf(progress()) })
      await interruption.race(Promise.all([logInAndChange(), appear()]))
      await interruption.race(braze.whenApplied())
      display.end()
      return {
        expected: people.expected(),
        links: { ...people.done, ...CHANGES, joined: people.joined() },
      }
    },
  )
}

/** What was done in it. */
export type Links = Awaited<ReturnType<typeof playThirdAct>>['links']

/** Who logs in, and how. */
export function describeCast({ logIns }: Pick<Cast, 'logIns'>): string[] {
  const [api, idToken, accountLink] = WAYS.map((way) =>
    number(logIns.filter((each) => each.way === way).length),
  )
  const newcomers = logIns.filter(({ isNew }) => isNew).length
  return [
    `${number(logIns.length)} log in, and ${number(newcomers)} of them follow only as they do so:`,
    `${api} whom the brand's own system knows (PUT), ${idToken} with LINE Login (ID token), ${accountLink} by LINE's account link`,
  ]
}

function openOf({ customersOnLine, wanted, delivery }: LogInProgress): string {
  const [pending, waiting] = [number(delivery?.pending ?? 0), number(delivery?.waiting ?? 0)]
  const reached = `Braze reaches ${number(customersOnLine)} of ${number(wanted)} customers on LINE`
  return `${reached}, ${pending} people wait for Braze, and ${waiting} for a customer whom it does not know`
}
