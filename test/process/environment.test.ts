import { stripVTControlCharacters } from 'node:util'
import { pino } from 'pino'
import t from 'tap'
import { readable } from '../../src/process/environment.ts'

t.test('a terminal shows each entry of the log in one line', async (t) => {
  let shown = ''
  const terminal = {
    write(text: string) {
      shown += stripVTControlCharacters(text)
    },
  }
  const log = pino({ base: null }, readable(terminal))
  log.info({ channel: 'default', outcome: 'accepted', events: 3, ms: 1.5 }, 'webhook')
  log.info({}, 'stopped')
  log.fatal({ error: 'what', stack: 'Error: what\n    at somewhere\n    at elsewhere' }, 'stopping')
  log.warn({ reason: 'two\nlines', nested: { list: [1, 2] } }, 'delivery waits')
  t.equal(shown.trimEnd().split('\n').length, 4, shown)
  t.match(shown, /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: webhook \{"channel":"default","outcome":"accepted",.*\}$/m)
})
