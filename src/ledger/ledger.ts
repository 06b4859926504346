import type { ContactKey, Evidence, Status } from '../contact/contact.ts'
import type { Address } from '../contact/profile.ts'
import type { Activity, KnownServer, RunSummary, Sample, ServerReport } from './desk.ts'
import type {
  BeingForgotten,
  DueForgetting,
  ForgetHow,
  Forgetting,
  ForgettingStep,
  ProfileEnd,
} from './forgotten.ts'
import type { Aftermath, LeaseAnswer } from './leases.ts'
import type { KnownContact, LinkEvidence, Redemption, StoredLink } from './links.ts'
import type { Failure, Person } from './people.ts'
import type {
  Acknowledgement,
  CustomerCheck,
  DueMerge,
  DueProfile,
  KnownProfile,
  MergeAction,
  MergeStep,
  ProfileId,
  UncheckedCustomer,
} from './profiles.ts'
import type { LedgerPart } from './records.ts'
import type { FollowerPage, Outstanding, Run, RunKind } from './runs.ts'
import type { KnownToken, TokenNews } from './tokens.ts'

export * from './desk.ts'
export type * from './forgotten.ts'
export * from './leases.ts'
export type * from './links.ts'
export type * from './people.ts'
export type * from './profiles.ts'
export type * from './runs.ts'
export type * from './tokens.ts'

/**
 * Durable memory of every contact, and of what the profiles in Braze should hold, shared by all processes that open the same
 * database.
 *
 * The ledger owns its clock: callers hand over durations, in milliseconds, and get durations back. Only evidence is dated,
 * in milliseconds since 1970, by LINE. Every method may be called at any time and together with any other; it sees all
 * that was stored by calls that had resolved before, of this process and of others. A rejection is a `LedgerError` and
 * means that nothing of the call was stored; or, where the database is elsewhere and did not answer, that nobody knows, and
 * the call is to be repeated. How many other processes write, and how they get their turn, is the ledger's
 * business: a call that writes much resolves when the next one may follow.
 */
export interface Ledger {
  // ── What we learn ──────────────────────────────────────────────────────────────────────────────────────

  /**
   * Merges evidence into contacts. Resolves once it is on disk (committed and fsynced); a rejection means that
   * none of it is. Safe to repeat and to reorder. Calls that arrive together share one transaction.
   *
   * A contact's alias profile becomes due when the contact is new and whenever its reachability flips; of who is linked to a
   * customer that counts, the customer's does, where another contact is then the one that it should hold.
   */
  record(evidence: readonly Evidence[]): Promise<void>

  /**
   * Learns which customers contacts are, also contacts that nothing else is known of. Resolves once it is on disk, with
   * what is stored of each now, in the order of `links`. Safe to repeat and to reorder where the moments are given. Many are
   * stored in several transactions, and a rejection may come after some of them.
   *
   * A link counts once Braze is known to hold the customer (`keepChecks`); until then the contact's alias profile is where
   * its user id belongs. A user id moves in steps: the profile that loses it becomes due first, and the one that gains it
   * when that was acknowledged, after its settle pause. So at no moment do two profiles hold it.
   *
   * @param run in whose name profiles become due; without it they go before those of runs
   */
  link(links: readonly LinkEvidence[], run?: number): Promise<StoredLink[]>

  /** The links of the channel that name a customer, some at a time. */
  links(channel: string): AsyncIterable<StoredLink[]>

  /**
   * Keeps who is to be linked when LINE's account link comes back with a nonce, for `lifeMs`; returns until when,
   * milliseconds since 1970. Durable.
   *
   * @param hash of the nonce, which itself is kept nowhere
   */
  addNonce(hash: string, channel: string, externalId: string, lifeMs: number): Promise<number>

  /**
   * Links `userId`, at the moment `at` that LINE's event says, to the customer for whom the nonce was made. A nonce is good
   * for one user and until its end by `at`; the same event again changes nothing. Durable.
   */
  redeemNonce(hash: string, key: ContactKey, at: number): Promise<Redemption>

  /**
   * Links as `link` does, now, by a proof that is good for one link (an ID token of LINE) and is kept for `lifeMs`. The same
   * link by the same proof again changes nothing, whatever has been learnt since, and brings what is stored. Durable.
   *
   * @param hash of the proof, which itself is kept nowhere
   */
  linkOnce(
    hash: string,
    link: ContactKey & { readonly externalId: string },
    lifeMs: number,
  ): Promise<StoredLink | 'used'>

  /**
   * Calls `listener` soon after each commit of this process that may have made contacts due, and after those of others where
   * the database tells of them. What it throws is its own
   * affair, and no rejection of what was stored. Returns how to stop that.
   */
  onRecorded(listener: () => void): () => void

  // ── What Braze should know ─────────────────────────────────────────────────────────────────────────────

  /**
   * Up to `limit` profiles that may be sent: news from webhooks before what runs brought, and of each those that have
   * waited longest first. Changes nothing. It answers as of some moment between the call and its answer: an `acknowledge`
   * that had resolved before the call counts, one that is under way may or may not.
   *
   * @param channels of which alone; by default of all
   */
  due(limit: number, channels?: readonly string[]): Promise<DueProfile[]>

  /** How long until some profile may be sent, 0 or less when it may be already; null when nothing is pending. */
  nextDueMs(): Promise<number | null>

  /**
   * Stores what Braze said. An acceptance counts for the revision that was sent and for those before it; a
   * rejection counts only while that revision is the newest. A profile named here is not due again before
   * `settleMs` from now, and neither is one that gains what it has lost. Atomic and durable, and safe to repeat; shares
   * transactions with `record`.
   */
  acknowledge(answers: readonly Acknowledgement[], settleMs: number): Promise<void>

  /**
   * Heals a clock that was set back: makes pending profiles that would be due later than `ms` from now due then, and what is
   * to be looked up or handed over later than `LONGEST_WAIT_MS`.
   */
  clampDue(ms: number): Promise<void>

  /**
   * Takes those for unreachable whose last message is older than the window for which who only wrote can be sent messages
   * (`messagerWindowMs`, by which it was opened), some at a time. Returns how long until there are more; null where nobody
   * is waited for.
   */
  lapse(): Promise<number | null>

  // ── Which customers Braze knows ──────────────────────────────────────────────────────────────────────────

  /**
   * Up to `limit` customers to look up in Braze: those who are linked to somebody reachable, and do not count yet; of whom
   * news has come before those whom only runs have linked.
   */
  toCheck(limit: number): Promise<UncheckedCustomer[]>

  /** How long until some customer is to be looked up, 0 or less when that is now; null when nobody is. */
  nextCheckMs(): Promise<number | null>

  /** Stores whom Braze knows: their links count from now on. The others are to be looked up again. Durable. */
  keepChecks(checks: readonly CustomerCheck[]): Promise<void>

  /**
   * Braze does not know these customers any more: links to them do not count until it is known that it does. Durable; ids of
   * alias profiles are left alone.
   */
  recheck(ids: readonly ProfileId[]): Promise<void>

  // ── Alias profiles that are handed over to a customer ────────────────────────────────────────────────────

  /** Up to `limit` alias profiles with which one of `actions` is to be done now. */
  toMerge(limit: number, actions: readonly MergeAction[]): Promise<DueMerge[]>

  /** How long until one of `actions` is to be done with an alias profile; null when there is none. */
  nextMergeMs(actions: readonly MergeAction[]): Promise<number | null>

  /**
   * Stores how far alias profiles have come. Once what became of one is known, or can't be, the customer's profile is due
   * again, since a merge may have changed it; not where the first look left it alone. Durable. What was read before another
   * action became due changes nothing.
   */
  keepMerges(steps: readonly MergeStep[]): Promise<void>

  // ── Who asked to be forgotten ────────────────────────────────────────────────────────────────────────────

  /**
   * Begins to forget a contact: it cannot be reached and is no customer's from now on, so that its profiles become due; and
   * what webhooks, lists and links say of it is ignored, until `lifeMs` after it was erased. A follow event that is newer
   * ends all that, also before it is erased. Where that is done already it holds anew, from now on. Null: nothing is known
   * of them. Durable, and safe to repeat: the last `deletesProfile` counts, and what Braze has rejected is due again.
   */
  forget(key: ContactKey, how: ForgetHow): Promise<Forgetting | null>

  /** Of this user id, also once it is done; or those who were this customer, as long as it is not. */
  forgettings(channel: string, address: Address): Promise<Forgetting[]>

  /**
   * Up to `limit` people with whom something is to be done now; also those who are back, where Braze was asked to delete a
   * profile to which other accounts may have written since, when it must have done so.
   */
  toForget(limit: number): Promise<DueForgetting[]>

  /** Stores how far it has come. Durable. False: there is nothing to keep, since they are back, or are being erased. */
  keepForgetting(step: ForgettingStep): Promise<boolean>

  /**
   * Erases the contact, its link, and whatever else names it, and keeps the keyed hash. False: that has to wait, and is to be
   * tried again. Durable. Once it is true, nothing of the user id is left where this process can reach it.
   */
  erase(receipt: string, profile: ProfileEnd): Promise<boolean>

  /** Forgets whom to ignore, of those whose time is over. */
  endForgettings(): Promise<void>

  /** Of the channels where somebody is being forgotten. */
  beingForgotten(): Promise<BeingForgotten[]>

  // ── Runs: what reaches many contacts at once ─────────────────────────────────────────────────────────────

  /**
   * Takes the lock `name`, which lasts until the function returned is called or this process has ended, however it
   * does. Null while somebody else has it. Where it can end before that, as with a connection that is cut, `recordPages`
   * and `clearAbsent` reject from then on.
   */
  lock(name: string): Promise<(() => Promise<void>) | null>

  /** The newest backfill of the channel, and of the account that counts now, that has not ended; or null. */
  openRun(channel: string): Promise<Run | null>

  /** How many people the last complete follower list of the channel named; null when there was none. */
  lastListed(channel: string): Promise<number | null>

  /**
   * Begins a run, and abandons the one of its kind and channel that has not ended.
   *
   * @param asOf the one date of all that its list says, milliseconds since 1970; of links from a file, of those that it does
   *   not date; 0 for a run without a list
   */
  beginRun(kind: RunKind, channel: string, asOf?: number): Promise<Run>

  /**
   * Stores pages of the follower list, each in one durable transaction with where the list goes on after it. Everybody on
   * them was a friend at the run's `asOf`. A page without `next` is the last: the run is then `clearing`. A rejection may
   * come after some of the pages are stored; `openRun` says how many. This and `clearAbsent` reject once a webhook has
   * named another account than that of the run.
   */
  recordPages(run: number, pages: readonly FollowerPage[]): Promise<Run>

  /**
   * How many contacts are friends by evidence from before the run's `asOf`, and by none since: once its list is complete,
   * those who were missing from it.
   */
  countAbsent(run: number): Promise<number>

  /**
   * Dates the absent friends as gone at the run's `asOf`, some at a time, each time in one durable transaction, and says how
   * far it has come. Safe to leave early and to repeat.
   */
  clearAbsent(run: number): AsyncIterable<Run>

  /** Nothing more is stored for the run. */
  endRun(run: number, state: 'complete' | 'abandoned'): Promise<Run>

  /**
   * The profiles of the channel, some at a time, each as it is then, and once if it was there at the beginning: first the
   * alias profile of every contact, and then those of customers.
   */
  profiles(channel: string): AsyncIterable<KnownProfile[]>

  /** These profiles as they are now. */
  lookUp(ids: readonly ProfileId[]): Promise<KnownProfile[]>

  /**
   * Makes profiles due although nothing about them has changed, in the name of `run`, and takes over those that an
   * earlier run made due; those that are due by a webhook are left as they are. Whatever was told of them, they may hold
   * something. Returns how many they are. Many are stored in several transactions, and a rejection may come after some.
   */
  resend(run: number, ids: readonly ProfileId[]): Promise<number>

  /** What Braze has not accepted yet of what this run, and every other, made due. */
  outstanding(run: number): Promise<Outstanding>

  // ── Whose ledger this is ─────────────────────────────────────────────────────────────────────────────────

  /**
   * Remembers which account (the bot's user id) a channel belongs to. The first to speak sets it; a webhook's word
   * (`heard`), which LINE has signed, also replaces what only a token said. Returns the account that counts.
   */
  claimAccount(channel: string, destination: string, heard: boolean): Promise<string>

  // ── Which of LINE's tokens are for Braze ─────────────────────────────────────────────────────────────────

  /**
   * Remembers a token that was issued for the channel's Content Block, or that the block holds it now. Durable, and safe to
   * repeat: the end that was told first stays, and so does that it was written. Those that have ended are forgotten.
   */
  keepToken(channel: string, token: TokenNews): Promise<void>

  /** The channel's tokens that have not ended: those that were written before the others, and of each the newest first. */
  tokens(channel: string): Promise<KnownToken[]>

  // ── Who delivers ───────────────────────────────────────────────────────────────────────────────────────

  /**
   * Takes or renews the lease `name` for `holder` for `durationMs` from now, unless somebody else holds it. Of several
   * callers at one moment exactly one gets a free lease. Where the ledger can tell that its holder has ended, a lease is
   * free at once, and otherwise when it runs out.
   *
   * @param aftermath for how long what a former holder did may go on having effects: one that has ended, and one that let
   *   the lease run out and may still live
   */
  holdLease(name: string, holder: string, durationMs: number, aftermath: Aftermath): Promise<LeaseAnswer>

  /**
   * Gives the lease back, if `holder` has it, so that the next one can have it at once. What `holder` did may go on having
   * effects for `quietMs`.
   */
  releaseLease(name: string, holder: string, quietMs: number): Promise<void>

  // ── Moving house ───────────────────────────────────────────────────────────────────────────────────────

  /**
   * All of the ledger but its leases, some at a time, in the order of `LedgerPart`. What is stored meanwhile may be in it or
   * not: `moveOut` keeps everybody from that.
   */
  dump(): AsyncIterable<LedgerPart>

  /**
   * Stores a part of a dump, of any database. Durable, and safe to repeat, also with a later dump of that ledger: what is
   * stored becomes what the part says. From the first part to the last one `moveIn` rejects. Rejects where there is something that is
   * not from an earlier dump of the same ledger, and where somebody has worked with it since.
   *
   * Of no profile it is known afterwards that nothing was sent: see `DueProfile.mayHold`.
   */
  load(part: LedgerPart): Promise<void>

  /**
   * Closes the ledger, or opens it again: in every process, also where it is open already, whatever would store something
   * rejects from then on, with the lease of everybody but `COPIER`, and `moveIn`. Durable; resolves when what was under way is
   * stored or has failed. Returns whether it was closed before. Rejects while it is half of a copy.
   */
  moveOut(isClosed: boolean): Promise<boolean>

  /**
   * To be called before the ledger is worked with: then it is nobody's copy any more. Rejects while it is half of one, and
   * while it is closed.
   */
  moveIn(): Promise<void>

  // ── What people ask ────────────────────────────────────────────────────────────────────────────────────

  /**
   * The contact with this user id, or the contacts that are linked to this customer, also where the link does not count
   * yet: the newest link first. In time that does not depend on how many contacts there are.
   */
  contacts(channel: string, address: Address): Promise<KnownContact[]>

  /** All that is stored of a contact, as of one moment; null where nothing is. As fast as `contacts`. */
  person(key: ContactKey): Promise<Person | null>

  /**
   * The profiles whose newest state Braze rejected, some at a time, in time that does not depend on how many others there are.
   * Each that is one from the beginning to the end comes once, and so does who is told of again meanwhile, and rejected again.
   *
   * @param channels of which alone; by default of all
   */
  failures(channels?: readonly string[]): AsyncIterable<Failure[]>

  /** The numbers of every channel, in time that does not depend on how many contacts there are. */
  counts(): Promise<ChannelCounts[]>

  /**
   * How long the profile that is due first has been pending; null when nothing is. One that waits out its settle
   * pause comes first only when that is over.
   */
  oldestPendingMs(): Promise<number | null>

  /**
   * Keeps the numbers of every channel as those of this hour, and forgets what is older than is kept. To be called now and
   * then, by anybody: the last one within an hour counts.
   */
  keepSample(): Promise<void>

  /** The samples of the last `backMs`, and of each channel the last one before them, in the order of channel and hour. */
  samples(backMs: number): Promise<Sample[]>

  /** Keeps what a server says of itself, and the newest of what it and others have said of channels. */
  report(server: ServerReport): Promise<void>

  /** The server stops: nobody asks for it any more. */
  signOff(id: ServerReport['id']): Promise<void>

  /** Those that have reported and have not signed off, the newest report first. */
  servers(): Promise<KnownServer[]>

  activity(): Promise<Activity[]>

  /** Who has the lease `name`, and for how long; null: nobody, or it has run out. */
  leaseHolder(name: string): Promise<{ readonly holder: string; readonly leftMs: number } | null>

  /** The newest runs of all channels. */
  runs(limit: number): Promise<RunSummary[]>

  /** Makes an empty durable write. Resolves when evidence could be stored right now, rejects when not. */
  probe(): Promise<void>

  /**
   * For a process that is asked to end: where the database is elsewhere and does not answer, calls reject after `ms` from now
   * on, and so do those that were made before.
   */
  hasten(ms: number): void

  /** Finishes what was called before, then closes the database. Later calls reject. */
  close(): Promise<void>
}

export type ChannelCounts = {
  readonly channel: string
  /** Profiles of which Braze does not know the newest state, and those whose newest state it rejected. */
  readonly pending: number
  readonly failed: number
  /** Contacts that are linked to a customer, also where the link does not count yet. */
  readonly linked: number
  /** Customers who are linked to somebody reachable and whom Braze does not know, as far as it was asked. */
  readonly waiting: number
} & {
  readonly [status in Status]: number
}

/** For no longer than this a look-up or a hand-over is put off: what would be later was dated by a clock that was wrong. */
export const LONGEST_WAIT_MS = 3_600_000

/**
 * So long a person who has just been linked waits for the look-up of the customer before the alias profile is written after
 * all: most customers are known, and would get a second profile for nothing.
 */
export const CHECK_PATIENCE_MS = 3_000

/** Why something is refused that would otherwise wait for too long. */
export const TOO_SLOW = 'The database is too slow for what arrives; try again later.'

/** Something that kept the ledger from doing what it was asked; the message is a sentence for a person. */
export class LedgerError extends Error {
  override name = 'LedgerError'
}
