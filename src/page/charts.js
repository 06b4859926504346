/** Charts by uPlot, in the colours of the style sheet, as wide as their place. */
import uPlot from '/page/files/lib/uPlot.js'

/** @typedef {import('/page/files/lib/uPlot.js').Options} Options */
/** @typedef {import('/page/files/lib/uPlot.js').AlignedData} AlignedData */
/** @typedef {{color: string, kind: 'area' | 'line' | 'dashed' | 'bars'}} Line */

/**
 * @typedef {object} ChartOptions
 * @property {readonly Line[]} lines colours are names of the style sheet's
 * @property {(at: number) => string} xLabel
 * @property {(value: number) => string} yLabel
 * @property {(min: number, max: number) => [number, number]} range of what is drawn
 * @property {boolean} [isTime] x are milliseconds; else they are counted
 * @property {number} [step] from one bar to the next
 * @property {number} [height]
 * @property {(place: number | null) => void} onLook at what the pointer is, null: at nothing
 */

const FONT = '12px system-ui, sans-serif'

/** @param {string} name */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()

/**
 * @param {HTMLElement} place
 * @param {ChartOptions} options
 */
export function createChart(place, options) {
  /** @type {uPlot | undefined} */
  let plot
  /** @type {AlignedData | undefined} */
  let data
  const isShown = options.lines.map(() => true)

  function draw() {
    plot?.destroy()
    if (!data) return
    plot = new uPlot(plotOptions(place.clientWidth, options), data, place)
    for (const [i, show] of isShown.entries()) if (!show) plot.setSeries(i + 1, { show })
  }
  new ResizeObserver(() => {
    if (plot && place.clientWidth > 0 && plot.width !== place.clientWidth)
      plot.setSize({ width: place.clientWidth, height: plot.height })
  }).observe(place)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw)

  return {
    /** @param {AlignedData} next */
    show(next) {
      const isFirst = !data
      data = next
      if (isFirst) draw()
      else plot?.setData(next)
    },
    /** @param {number} line @param {boolean} show */
    toggle(line, show) {
      isShown[line] = show
      plot?.setSeries(line + 1, { show })
    },
    clear() {
      plot?.destroy()
      plot = undefined
      data = undefined
    },
  }
}

/**
 * @param {number} width
 * @param {ChartOptions} options
 * @returns {Options}
 */
function plotOptions(width, { lines, xLabel, yLabel, range, isTime = true, step = 1, height = 220, onLook }) {
  const hasBars = lines.some(({ kind }) => kind === 'bars')
  const axis = { stroke: colour('muted'), font: FONT, ticks: { show: false } }
  return {
    width,
    height,
    ms: 1,
    padding: [8, 20, 0, 0],
    legend: { show: false },
    cursor: {
      x: true,
      y: false,
      drag: { x: false, y: false, setScale: false },
      points: { show: !hasBars, size: 7 },
    },
    scales: {
      // Half a bar more at both ends.
      x: {
        time: isTime,
        range: (_plot, min, max) => (hasBars ? [min - step / 2, max + step / 2] : [min, max]),
      },
      y: { range: (_plot, min, max) => range(min ?? 0, max ?? 0) },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 64,
        values: (_plot, splits) => labelsOf(splits, xLabel),
        size: 28,
      },
      {
        ...axis,
        grid: { stroke: colour('line'), width: 1 },
        space: 36,
        size: (_plot, values) => 14 + 7 * Math.max(1, ...(values ?? []).map(({ length }) => length)),
        values: (_plot, splits) => labelsOf(splits, yLabel),
      },
    ],
    series: [{}, ...lines.map(lineOptions)],
    hooks: { setCursor: [({ cursor }) => onLook(cursor.idx ?? null)] },
  }
}

/**
 * Each label once, where it begins: `28 Nov` at every hour of a day tells nothing.
 *
 * @param {readonly number[]} values
 * @param {(value: number) => string} label
 */
const labelsOf = (values, label) => {
  const labels = values.map(label)
  return labels.map((text, i) => (text === labels[i - 1] ? '' : text))
}

/** @param {Line} line */
function lineOptions({ color, kind }) {
  const stroke = colour(color)
  const shared = { stroke, points: { show: false }, spanGaps: true }
  if (kind === 'bars')
    return {
      ...shared,
      width: 0,
      fill: stroke,
      paths: /** @type {NonNullable<typeof uPlot.paths.bars>} */ (uPlot.paths.bars)({
        size: [0.72, 28],
        radius: 0.12,
      }),
    }
  if (kind === 'area') return { ...shared, width: 2, fill: colour(`${color}-soft`) }
  return { ...shared, width: 1.5, ...(kind === 'dashed' && { dash: [5, 4] }) }
}
