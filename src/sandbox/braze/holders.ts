const nobody: readonly never[] = []

/** Who holds which text in which attribute. Costs a look-up for each change, as long as few hold the same. */
export function createHolders<Holder>() {
  /** By attribute and value; no list is empty. */
  const attributes = new Map<string, Map<string, Holder[]>>()

  function valuesOf(name: string): Map<string, Holder[]> {
    const values = attributes.get(name)
    if (values !== undefined) return values
    const none = new Map<string, Holder[]>()
    attributes.set(name, none)
    return none
  }

  return {
    of: (name: string, value: unknown): readonly Holder[] =>
      attributes.get(name)?.get(value as string) ?? nobody,
    /** Anything but a text is nobody's own, and not looked at. */
    add(holder: Holder, name: string, value: unknown) {
      if (typeof value !== 'string') return
      const values = valuesOf(name)
      const holders = values.get(value)
      if (holders === undefined) values.set(value, [holder])
      else holders.push(holder)
    },
    remove(holder: Holder, name: string, value: unknown) {
      if (typeof value !== 'string') return
      const values = valuesOf(name)
      const holders = values.get(value) ?? []
      if (holders.length <= 1) values.delete(value)
      else holders.splice(holders.indexOf(holder), 1)
    },
  }
}
