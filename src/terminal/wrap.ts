/** What a terminal has at least. */
export const COLUMNS = 80

/** `text` in lines of at most `columns`, broken between words; a word that is wider stays whole. */
export function wrap(text: string, columns = COLUMNS): string[] {
  const lines: string[] = []
  let line: string | undefined
  for (const word of text.split(' ')) {
    const longer: string = line === undefined ? word : `${line} ${word}`
    if (line === undefined || longer.length <= columns) line = longer
    else {
      lines.push(line.trimEnd())
      line = word
    }
  }
  return [...lines, line ?? '']
}
