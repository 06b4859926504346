import { number } from '../terminal/numbers.ts'

const BAR_CELLS = 28
export const NAME_CELLS = 14
const VALUE_CELLS = 18

/** A line of what a terminal shows. */
export const row = (who: string, name: string, value: string, more = '') =>
  `  ${who.padEnd(8)}${name.padEnd(NAME_CELLS)}${value.padEnd(VALUE_CELLS)}${more}`

export const of = (part: number, whole: number) => `${number(part)} of ${number(whole)}`

export function bar(part: number, whole: number): string {
  const filled = whole === 0 ? 0 : Math.floor((part / whole) * BAR_CELLS)
  return '█'.repeat(filled) + '░'.repeat(BAR_CELLS - filled)
}
