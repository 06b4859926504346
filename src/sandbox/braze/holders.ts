/** Who holds which text in which attribute. Made for texts that one holds: each change costs a look-up then. */
export function createHolders<Holder>() {
  /** By attribute and value, who was first; and who came after them. No list is empty. */
  const first = new Map<string, Map<string, Holder>>()
  const more = new Map<string, Map<string, Holder[]>>()

  return {
    /** Whether more than one holds it. */
    isShared: (name: string, value: unknown): boolean => more.get(name)?.has(value as string) === true,
    of(name: string, value: string): Holder[] {
      const holder = first.get(name)?.get(value)
      return holder === undefined ? [] : [holder, ...(more.get(name)?.get(value) ?? [])]
    },
    /** Anything but a text is nobody's own, and not looked at. */
    add(holder: Holder, name: string, value: unknown) {
      if (typeof value !== 'string') return
      const values = valuesOf(first, name)
      if (!values.has(value)) return void values.set(value, holder)
      const others = valuesOf(more, name)
      others.set(value, [...(others.get(value) ?? []), holder])
    },
    remove(holder: Holder, name: string, value: unknown) {
      if (typeof value !== 'string') return
      const values = valuesOf(first, name)
      const others = more.get(name)?.get(value)
      if (others === undefined) return void values.delete(value)
      const [next, ...rest] = [values.get(value) as Holder, ...others].filter((other) => other !== holder)
      values.set(value, next as Holder)
      if (rest.length > 0) more.get(name)?.set(value, rest)
      else more.get(name)?.delete(value)
    },
  }
}

function valuesOf<Of>(attributes: Map<string, Map<string, Of>>, name: string): Map<string, Of> {
  const known = attributes.get(name)
  if (known !== undefined) return known
  const values = new Map<string, Of>()
  attributes.set(name, values)
  return values
}
