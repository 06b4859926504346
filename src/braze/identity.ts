import type { HttpAnswer } from '../wire/client.ts'
import { readSaid, type Said, type SaidOptions } from './said.ts'

/** Of aliases in one request. Sources: braze.com/docs/api/endpoints/user_data/post_user_identify, …/post_users_alias_update */
export const MAX_ALIASES = 50

/** 20,000 requests a minute, shared by identify, alias/update and others. Source: braze.com/docs/api/api_limits */
const GAP_MS = 3

/** How many items Braze names as bad, in ways that it does not document. */
export interface Taken {
  readonly errors: number
}

type ReadOptions = Pick<SaidOptions<Taken>, 'now' | 'words'>

/**
 * What an answer to `POST /users/identify` means. Taken means that it was understood: where an alias is unknown, or the
 * customer has another alias of that label, Braze answers with the same success and does nothing.
 */
export const readIdentify = (answer: HttpAnswer, options: ReadOptions): Said<Taken> =>
  readTaken(answer, 'users.identify', options)

/** What an answer to `POST /users/alias/update` means; taken, as with `readIdentify`. */
export const readRename = (answer: HttpAnswer, options: ReadOptions): Said<Taken> =>
  readTaken(answer, 'users.alias.update', options)

/** What an answer to `POST /users/delete` means; taken, as with `readIdentify`: it may take Braze minutes. */
export const readDelete = (answer: HttpAnswer, options: ReadOptions): Said<number> =>
  readSaid(answer, {
    read: ({ deleted }) => (typeof deleted === 'number' ? deleted : undefined),
    permission: 'users.delete',
    gapMs: GAP_MS,
    ...options,
  })

const readTaken = (answer: HttpAnswer, permission: string, options: ReadOptions): Said<Taken> =>
  readSaid(answer, {
    read: ({ message, errors }) =>
      message === 'success' || (answer.status === 202 && message === 'queued')
        ? { errors: Array.isArray(errors) ? errors.length : 0 }
        : undefined,
    permission,
    gapMs: GAP_MS,
    ...options,
  })
