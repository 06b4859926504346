/** What the kernel counts of another process. Linux says so in /proc; elsewhere nobody does, and it is NaN. */
import { readFileSync } from 'node:fs'

/** Linux counts CPU time in hundredths of a second, whatever its clock. */
const TICKS_PER_SECOND = 100

/** The most RAM that the process ever held, in MiB. */
export function peakMiB(pid: number): number {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(read(pid, 'status'))?.[1]
  return Number(kibibytes ?? Number.NaN) / 1024
}

/** The CPU time of all its threads so far, in the kernel too. */
export function cpuSeconds(pid: number): number {
  // Fields 14 and 15; the 2nd is the program's name in brackets, and may hold spaces.
  const [user, system] = read(pid, 'stat').split(') ')[1]?.split(' ').slice(11, 13) ?? []
  return (Number(user ?? Number.NaN) + Number(system)) / TICKS_PER_SECOND
}

const read = (pid: number, file: string) =>
  process.platform === 'linux' ? readFileSync(`/proc/${pid}/${file}`, 'utf8') : ''
