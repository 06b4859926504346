import { fstatSync, readSync } from 'node:fs'
import type { LogState } from './log.ts'

/** SQLite's file format, "WAL-Index" and "The Write-Ahead Log": a header, then frames that repeat its salt. */
const HEADER_BYTES = 32
const HEADER_SALT_AT = 16
const FRAME_SALT_AT = 8
const SALT_BYTES = 8
/** The header's first four bytes; their last bit says the order of bytes in checksums. */
const MARK = 0x377f0682

/**
 * Looks whether the log has what SQLite has committed to it: a log that was cut off has lost its end, and when more was
 * written behind that since, the frame that was the last one is a hole.
 */
export function logChecker(log: number, frameBytes: number) {
  const header = Buffer.alloc(HEADER_BYTES)
  const salt = Buffer.alloc(SALT_BYTES)
  let seen: { readonly salt: bigint; readonly frames: number } | undefined

  const hasHeader = () =>
    readSync(log, header, 0, HEADER_BYTES, 0) === HEADER_BYTES && (header.readInt32BE(0) & ~1) === MARK
  const saltOf = (frame: number) => {
    salt.fill(0)
    readSync(log, salt, 0, SALT_BYTES, HEADER_BYTES + (frame - 1) * frameBytes + FRAME_SALT_AT)
    return salt.readBigUInt64BE()
  }

  return {
    hasHeader,
    isWhole({ frames, copied }: LogState): boolean {
      // All of it is in the database, too.
      if (copied === frames) return true
      if (fstatSync(log).size < HEADER_BYTES + frames * frameBytes || !hasHeader()) return false
      const ours = header.readBigUInt64BE(HEADER_SALT_AT)
      if (saltOf(frames) !== ours) return false
      if (seen?.salt === ours && seen.frames < frames && saltOf(seen.frames) !== ours) return false
      seen = { salt: ours, frames }
      return true
    },
  }
}
