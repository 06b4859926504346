import { Writable } from 'node:stream'

/** Text as it comes, in which a test can wait for words. */
export function createOutput() {
  let text = ''
  let isOver = false
  const waiting = new Set<() => void>()
  const look = () => {
    for (const each of waiting) each()
  }
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      text += chunk
      look()
      done()
    },
  })

  return {
    stream,
    text: () => text,
    /** Nothing more comes. */
    end() {
      isOver = true
      look()
    },
    /** Resolves once it has been said, and rejects where it never was. */
    said(pattern: RegExp): Promise<void> {
      return new Promise((resolve, reject) => {
        const check = () => {
          if (pattern.test(text)) resolve()
          else if (isOver) reject(new Error(`no ${pattern} in: ${text}`))
          else return
          waiting.delete(check)
        }
        waiting.add(check)
        check()
      })
    },
  }
}
