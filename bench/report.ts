/** One number of the result. */
export interface Figure {
  readonly name: string
  /** The median of the rounds. Undefined where it could not be measured. */
  readonly value: number | undefined
  readonly unit: string
  /** The smallest and the largest of the rounds. */
  readonly spread?: readonly [number, number]
  readonly goal?: Goal
}

export type Goal = { readonly atLeast: number } | { readonly atMost: number }

/** The figure of several rounds. NaN stands for what could not be measured. */
export function figureOf(name: string, rounds: readonly number[], unit: string, goal?: Goal): Figure {
  if (rounds.some(Number.isNaN)) return { name, value: undefined, unit, ...(goal && { goal }) }
  const sorted = rounds.toSorted((a, b) => a - b)
  const at = (place: number) => sorted[place] as number
  const middle = (sorted.length - 1) / 2
  const value = (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2
  return { name, value, unit, spread: [at(0), at(sorted.length - 1)], ...(goal && { goal }) }
}

/** Whether the goal is met; undefined where there is none, or no number. */
export function isMet({ value, goal }: Figure): boolean | undefined {
  if (!goal || value === undefined) return undefined
  return 'atLeast' in goal ? value >= goal.atLeast : value <= goal.atMost
}

/** The table for people. */
export function table(figures: readonly Figure[]): string {
  const rows = [['figure', 'measured', 'rounds', 'goal', ''], ...figures.map(row)]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)))
  return rows
    .map((cells) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('')
}

function row(figure: Figure): string[] {
  const { name, value, unit, spread, goal } = figure
  const met = isMet(figure)
  return [
    name,
    value === undefined ? 'not measured' : `${shown(value)} ${unit}`.trimEnd(),
    spread && spread[0] < spread[1] ? `${shown(spread[0])} to ${shown(spread[1])}` : '',
    goal ? ('atLeast' in goal ? `≥ ${goal.atLeast}` : `≤ ${goal.atMost}`) : '',
    met === undefined ? '' : met ? 'ok' : 'miss',
  ]
}

const shown = (value: number) =>
  value >= 1_000 ? Math.round(value).toLocaleString('en') : value >= 100 ? value.toFixed(0) : value.toFixed(2)
