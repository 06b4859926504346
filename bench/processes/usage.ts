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
export const cpuSeconds = (pid: number): number => secondsOf(pid, 2)

/** The CPU time of a process and of all its children so far, also of those that have ended. */
export const familyCpuSeconds = (pid: number): number =>
  childrenOf(pid).reduce((sum, child) => sum + secondsOf(child, 2), secondsOf(pid, 4))

/** What the process has written so far, in bytes, to whatever it was. */
export const writtenBytes = (pid: number): number =>
  Number(/^wchar: (\d+)$/m.exec(read(pid, 'io'))?.[1] ?? Number.NaN)

/** @param fields 2: its own time, from the 14th on; 4: also that of its children that have ended */
function secondsOf(pid: number, fields: 2 | 4): number {
  // The 2nd is the program's name in brackets, and may hold spaces.
  const stat = read(pid, 'stat').split(') ')[1]?.split(' ')
  if (!stat) return Number.NaN
  return stat.slice(11, 11 + fields).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND
}

const childrenOf = (pid: number): number[] =>
  read(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number)

const read = (pid: number, file: string) =>
  process.platform === 'linux' ? readFileSync(`/proc/${pid}/${file}`, 'utf8') : ''
