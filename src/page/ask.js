/** Asking the server, as whoever has signed in. */

/** What kept an answer from coming, in a sentence for a person. */
export class Unanswered extends Error {}

/** Shows the form to sign in, which is what the server has for who is not, or not any more. */
export const signIn = () => location.replace('/')

/**
 * @template T
 * @param {string} path
 * @param {object} [body] sent as JSON
 * @returns {Promise<T>}
 * @throws {Unanswered}
 */
export async function ask(path, body) {
  const init = body && {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  }
  const answer = await fetch(path, { ...init, credentials: 'same-origin', cache: 'no-cache' }).catch(() => {
    throw new Unanswered('The server can’t be reached.')
  })
  if (answer.status === 401) {
    signIn()
    throw new Unanswered('Your session has ended.')
  }
  const said = await answer.json().catch(() => ({}))
  if (!answer.ok) throw new Unanswered(said.error ?? `The server answered ${answer.status}.`)
  return said
}

/** Whether somebody is signed in; null where the server does not say. @returns {Promise<boolean | null>} */
export async function isSignedIn() {
  const answer = await fetch('/page/session', { cache: 'no-store' }).catch(() => null)
  return answer?.status === 204 ? true : answer?.status === 401 ? false : null
}
