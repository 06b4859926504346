import fc from 'fast-check'
import t from 'tap'
import { LONGEST_LINE_BYTES, readLines } from '../../src/links/lines.ts'

/** The lines of the text, where it comes in pieces of so many bytes. */
async function linesOf(text: string | Buffer, size = 7) {
  async function* pieces() {
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
  }
  const lines = (await Array.fromAsync(readLines(pieces()))).flat()
  return lines.map(({ number, bytes }) => [number, bytes?.toString() ?? null])
}

t.test('LF and CRLF, and a last line without an end', async (t) => {
  t.strictSame(await linesOf(''), [])
  t.strictSame(await linesOf('a'), [[1, 'a']])
  t.strictSame(await linesOf('a\n'), [[1, 'a']])
  t.strictSame(await linesOf('a\r\nb,c\n\n\rd\r\n'), [
    [1, 'a'],
    [2, 'b,c'],
    [3, ''],
    [4, '\rd'],
  ])
})

t.test('however the bytes come, they are the same lines', async () => {
  const text = fc.array(fc.constantFrom('a', 'é', ',', '"', '\n', '\r\n')).map((parts) => parts.join(''))
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), async (text, size) => {
      const expected = text.split('\n').map((line) => line.replace(/\r$/, ''))
      if (text.endsWith('\n') || text === '') expected.pop()
      const lines = await linesOf(text, size)
      return JSON.stringify(lines) === JSON.stringify(expected.map((line, place) => [place + 1, line]))
    }),
  )
})

t.test('a line that is too long is counted and not kept', async (t) => {
  const longest = 'x'.repeat(LONGEST_LINE_BYTES)
  t.strictSame(await linesOf(`a\n${longest}\n${longest}y\nb\n`, 1_000), [
    [1, 'a'],
    [2, longest],
    [3, null],
    [4, 'b'],
  ])
  t.strictSame(await linesOf(`${longest}yz`, 1_000), [[1, null]])
})
