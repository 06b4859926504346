/**
 * The word of `words` that was probably meant by `word`; undefined where none is near.
 *
 * @param most so many characters may be wrong; by default a third of the word that was meant
 */
export function nearest(word: string, words: readonly string[], most?: number): string | undefined {
  const [best] = words
    .map((each) => ({ each, limit: most ?? Math.max(1, Math.floor(each.length / 3)) }))
    // Cheap, and leaves few: so many characters at least have to be added or left out.
    .filter(({ each, limit }) => Math.abs(each.length - word.length) <= limit)
    .map(({ each, limit }) => ({
      each,
      limit,
      distance: distanceOf(word.toLowerCase(), each.toLowerCase()),
    }))
    .filter(({ distance, limit }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance)
  return best?.each
}

/** How many characters have to be added, left out, replaced or changed with their neighbour. */
function distanceOf(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, i) => i)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      const above = rows[i - 1] as number[]
      let least = Math.min(
        (above[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (above[j - 1] as number) + cost,
      )
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (isSwap) least = Math.min(least, ((rows[i - 2] as number[])[j - 2] as number) + 1)
      row.push(least)
    }
    rows.push(row)
  }
  return rows[a.length]?.[b.length] as number
}
