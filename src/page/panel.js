/** A chart with its values in words, as a table, and the ranges that can be chosen. */
import { createChart } from './charts.js'
import { byId, el, setText, table } from './elements.js'

/**
 * @typedef {object} PanelOptions
 * @property {string} id of the section in the document
 * @property {readonly {name: string, color: string, isShown?: boolean}[]} legend of each line; `isShown`: it can be hidden
 * @property {Omit<import('./charts.js').ChartOptions, 'onLook'>} chart
 */

/**
 * @typedef {object} Shown
 * @property {import('./charts.js').AlignedData} data
 * @property {string} summary what who does not see the chart should know
 * @property {(place: number | null) => {title: string, values: readonly string[]}} look at a place, or at all
 * @property {readonly {name: string, isNumber?: boolean}[]} columns
 * @property {() => string[][]} rows
 */

/** @param {PanelOptions} options */
export function createPanel({ id, legend, chart }) {
  const section = byId(id)
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (section.querySelector(`.${name}`))
  const [place, key, note] = [part('plot'), part('legend'), part('note')]
  const details = /** @type {HTMLDetailsElement} */ (section.querySelector('details'))
  const values = legend.map(() => el('span', { class: 'value' }, '–'))
  const when = el('span', { class: 'when' })
  const drawn = createChart(place, { ...chart, onLook: look })
  key.append(...legend.map(keyOf), when)

  /** @param {PanelOptions['legend'][number]} entry @param {number} i */
  function keyOf({ name, color, isShown }, i) {
    const parts = [el('span', { class: `swatch ${color}` }), name, values[i]]
    if (isShown === undefined) return el('span', { class: 'key' }, ...parts)
    const button = el('button', { class: 'key', type: 'button', 'aria-pressed': String(isShown) }, ...parts)
    drawn.toggle(i, isShown)
    button.addEventListener('click', () => {
      const show = button.getAttribute('aria-pressed') !== 'true'
      button.setAttribute('aria-pressed', String(show))
      drawn.toggle(i, show)
    })
    return button
  }

  /** @type {Shown | undefined} */
  let shown

  /** @param {number | null} at */
  function look(at) {
    if (!shown) return
    const { title, values: texts } = shown.look(at)
    setText(when, title)
    for (const [i, value] of values.entries()) setText(value, texts[i] ?? '–')
  }
  function fillTable() {
    if (!shown || !details.open) return
    const name = section.querySelector('h2')?.textContent ?? ''
    const old = details.querySelector('.scroll')
    const made = table(`${name}, as a table`, shown.columns, shown.rows())
    if (old) old.replaceWith(made)
    else details.append(made)
  }
  details.addEventListener('toggle', fillTable)

  return {
    section,
    /** @param {Shown} next */
    show(next) {
      shown = next
      section.classList.remove('is-loading', 'is-empty')
      setText(note, '')
      place.setAttribute('role', 'img')
      place.setAttribute('aria-label', next.summary)
      drawn.show(next.data)
      look(null)
      // Read by somebody, perhaps: it is made anew when it is opened.
      if (!details.querySelector('.scroll')) fillTable()
    },
    /** @param {string} text why there is nothing to see */
    say(text) {
      section.classList.remove('is-loading')
      section.classList.add('is-empty')
      shown = undefined
      drawn.clear()
      place.removeAttribute('role')
      place.removeAttribute('aria-label')
      for (const value of values) setText(value, '–')
      setText(note, text)
      details.querySelector('.scroll')?.remove()
    },
    /** The table shows something else from now on. */
    forgetTable() {
      details.querySelector('.scroll')?.remove()
    },
  }
}

/**
 * Buttons of which one is chosen.
 *
 * @param {HTMLElement} place
 * @param {string} name
 * @param {readonly {value: number, text: string, title: string}[]} choices
 * @param {number} chosen
 * @param {(value: number) => void} onChange
 */
export function choose(place, name, choices, chosen, onChange) {
  const group = `choice-${place.id}`
  const fieldset = el('fieldset', { class: 'choices' }, el('legend', { class: 'hidden' }, name))
  for (const { value, text, title } of choices) {
    const input = el('input', { type: 'radio', name: group, value, checked: value === chosen })
    input.addEventListener('change', () => onChange(value))
    fieldset.append(
      el(
        'label',
        { title },
        input,
        el('span', { 'aria-hidden': true }, text),
        el('span', { class: 'hidden' }, title),
      ),
    )
  }
  place.append(fieldset)
}
