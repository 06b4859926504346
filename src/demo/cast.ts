import { shuffled } from '../sandbox/random.ts'
import { WAYS, type Way } from './brand.ts'
import { newPeople } from './gap.ts'

/** A person who logs in as a customer. */
export interface LogIn {
  readonly userId: string
  readonly customer: string
  readonly way: Way
  /** Whether the person follows only then. */
  readonly isNew: boolean
}

/** Of all people, and of those of them who follow only when they log in, since LINE offers it. */
const SHARE = 0.1
const NEW_SHARE = 0.1
/** Enough for everybody to whom something special happens; and few enough to watch. */
const FEWEST = 8
const MOST = 300
/** Of every six log-ins, by their place in `WAYS`: most brands have an account page, and some use LINE Login. */
const TURNS = [0, 0, 0, 1, 1, 2]

/** Who logs in, by which way, as which of the brand's customers; `friends` are those who follow already. */
export function createCast(people: number, friends: Iterable<string>) {
  const count = Math.min(MOST, Math.max(FEWEST, Math.ceil(people * SHARE)))
  const old = shuffled(Math.random, [...friends]).slice(0, count - Math.ceil(count * NEW_SHARE))
  const newcomers = newPeople(count - old.length)
  // Only every other one has LINE.
  const customers = Array.from({ length: 2 * count }, (_, place) => `customer-${place + 1}`)
  const logIns = [...old, ...newcomers].map(
    (userId, place): LogIn => ({
      userId,
      customer: customers[place] as string,
      way: WAYS[TURNS[place % TURNS.length] as number] as Way,
      isNew: place >= old.length,
    }),
  )
  const [late, mover, leaver, owner, blocker] = logIns as [LogIn, LogIn, LogIn, LogIn, LogIn]
  return {
    customers,
    logIns,
    /** As a customer whom Braze does not know yet. */
    late,
    /** Logs in as another customer, later. */
    mover: { ...mover, next: customers.at(-1) as string },
    /** Is not linked any more, later. */
    leaver,
    /** Has a new phone, later, and with it another LINE account. */
    owner: { ...owner, phone: newPeople(1)[0] as string },
    /** Blocks, later, and returns. */
    blocker,
  }
}

export type Cast = ReturnType<typeof createCast>
