/** The few things that are done with the document. Text is always text: nothing is ever parsed as HTML. */

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Readonly<Record<string, string | number | boolean | undefined>>} [attributes] false and undefined: without it
 * @param {readonly Child[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== false)
      element.setAttribute(name, value === true ? '' : String(value))
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false))
  return element
}

/**
 * The element of the document with this id, which is there.
 *
 * @template {HTMLElement} [E=HTMLElement]
 * @param {string} id
 * @returns {E}
 */
export const byId = (id) => /** @type {E} */ (document.getElementById(id))

/**
 * Changes a text only where it differs, so that nothing is read out twice and a selection stays.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text
}

/**
 * Puts children in place of others where what they are made of has changed.
 *
 * @param {HTMLElement} element
 * @param {unknown} of what they are made of
 * @param {() => readonly Child[]} make
 */
export function renew(element, of, make) {
  const key = JSON.stringify(of)
  if (made.get(element) === key) return
  made.set(element, key)
  element.replaceChildren(
    ...make().filter((child) => child !== null && child !== undefined && child !== false),
  )
}
/** @type {WeakMap<Element, string>} */
const made = new WeakMap()

/**
 * A table that can be scrolled sideways, also by keys.
 *
 * @param {string} name for who does not see it
 * @param {readonly {name: string, isNumber?: boolean}[]} columns
 * @param {readonly (readonly Child[])[]} rows
 */
export function table(name, columns, rows) {
  const classOf = (/** @type {number} */ i) => (columns[i]?.isNumber ? 'number' : undefined)
  return el(
    'div',
    { class: 'scroll', role: 'region', 'aria-label': name, tabindex: 0 },
    el(
      'table',
      {},
      el(
        'thead',
        {},
        el(
          'tr',
          {},
          ...columns.map((column, i) => el('th', { scope: 'col', class: classOf(i) }, column.name)),
        ),
      ),
      el(
        'tbody',
        {},
        ...rows.map((row) =>
          el(
            'tr',
            {},
            ...row.map((cell, i) =>
              i === 0
                ? el('th', { scope: 'row', class: classOf(i) }, cell)
                : el('td', { class: classOf(i) }, cell),
            ),
          ),
        ),
      ),
    ),
  )
}

/** A word with a mark whose shape, and not only its colour, says how it is. @param {string} tone @param {string} word */
export const state = (tone, word) => el('span', { class: `state ${tone}` }, word)

/** Said where there is nothing to show. @param {string} title @param {string} text */
export const empty = (title, text) =>
  el('div', { class: 'empty' }, el('p', { class: 'empty-title' }, title), el('p', {}, text))

/**
 * A bar of which `part` is done.
 *
 * @param {number | null} part null: nobody knows
 * @param {string} name for who does not see it
 * @param {string} [tone]
 */
export function bar(part, name, tone) {
  const shown = part === null ? {} : { value: Math.min(1, part), max: 1 }
  return el('progress', { class: tone ? `bar ${tone}` : 'bar', 'aria-label': name, ...shown })
}
