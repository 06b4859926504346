export const number = (value: number) => value.toLocaleString('en')

/** `1 page`, `1,000 pages`. */
export const many = (count: number, what: string) => `${number(count)} ${what}${count === 1 ? '' : 's'}`

/** `0:07`, `12:30`, `3:05:00`. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds)
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const shown = parts[0] === 0 ? parts.slice(1) : parts
  return shown.map((part, place) => (place === 0 ? String(part) : String(part).padStart(2, '0'))).join(':')
}
