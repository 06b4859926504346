import { realpathSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

const GROUP_AND_OTHERS_READ = 0o044
const GROUP_AND_OTHERS_ENTER = 0o011

/** A sentence for each of the files that more users than its owner may read; those that are missing are left out. */
export function warnOfReadable(files: readonly string[], platform: NodeJS.Platform): string[] {
  // Windows keeps no such modes.
  if (platform === 'win32') return []
  return files.filter(isReadableByOthers).map((file) => {
    return `Other users of this machine may read ${file}; chmod 600 it, unless that is meant.`
  })
}

/** The file's mode, as far as the folders above it let anybody get there. */
function isReadableByOthers(file: string): boolean {
  try {
    const path = realpathSync(file)
    let who = (statSync(path).mode & GROUP_AND_OTHERS_READ) >> 2
    for (let folder = dirname(path); who > 0; folder = dirname(folder)) {
      who &= statSync(folder).mode & GROUP_AND_OTHERS_ENTER
      if (folder === dirname(folder)) break
    }
    return who > 0
  } catch {
    // Missing, or not for us to see either.
    return false
  }
}
