import { useEffect, useRef, useState } from 'hono/jsx/dom'
import uPlot from 'uplot'

/** A curve: values over steps. */
export interface Curve {
  name: string
  points: readonly (readonly [step: number, value: number])[]
}

interface ChartProps {
  title: string
  curves: readonly Curve[]
  /** How values are written. */
  format: (value: number) => string
  /** True to mark each point, for curves with few. */
  marks?: boolean
}

const HEIGHT = 220

/** The distances between marks on the axis of steps: there is no half step. */
const WHOLE_STEPS = [1, 10, 100, 1000, 10_000, 100_000].flatMap((power) => [power, 2 * power, 5 * power])

/** Curves over the steps of a training. Screen readers get their first and last values. */
export function Chart({ title, curves, format, marks = false }: ChartProps) {
  const place = useRef<HTMLDivElement | null>(null)
  const plot = useRef<uPlot | null>(null)
  const dispose = useRef<(() => void) | null>(null)
  const [hovered, setHovered] = useState<number | null>(null)
  const isDark = useDarkness()
  const shape = curves.map(({ name }) => name).join('\n')
  const data = toColumns(curves)

  useEffect(() => {
    const element = place.current
    if (!element) return
    // If the page renders again at once, this may run twice before it is cleaned up.
    dispose.current?.()
    const color = makeColors(element)
    const axis = {
      stroke: color('--quiet'),
      font: '11px system-ui, sans-serif',
      grid: { stroke: color('--line'), width: 1 },
      ticks: { show: false },
    }
    const created = new uPlot(
      {
        width: element.clientWidth || 300,
        height: HEIGHT,
        legend: { show: false },
        scales: { x: { time: false } },
        cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
        axes: [
          { ...axis, size: 28, space: 60, incrs: WHOLE_STEPS },
          { ...axis, size: 52, values: (_, values) => values.map((value) => (value === null ? '' : format(value))) },
        ],
        series: [
          {},
          ...curves.map((_, i) => ({
            stroke: color(`--series-${i % 6}`),
            width: 1.8,
            spanGaps: true,
            points: { show: marks, size: 6, fill: color(`--series-${i % 6}`) },
          })),
        ],
        hooks: { setCursor: [({ cursor }) => setHovered(cursor.idx ?? null)] },
      },
      data,
      element,
    )
    plot.current = created
    const observer = new ResizeObserver(() => created.setSize({ width: element.clientWidth, height: HEIGHT }))
    observer.observe(element)
    const release = () => {
      if (dispose.current !== release) return
      dispose.current = null
      plot.current = null
      observer.disconnect()
      created.destroy()
    }
    dispose.current = release
    return release
  }, [shape, marks, isDark])
  useEffect(() => plot.current?.setData(data), [curves])

  const row = hovered ?? data[0].length - 1
  return (
    <figure class="chart">
      <figcaption>
        <strong>{title}</strong>
        <span class="legend">
          {data[0].length > 0 && <span class="quiet">step {data[0][row]}</span>}
          {curves.map(({ name }, i) => (
            <span key={name}>
              <span class={`key series-${i % 6}`} aria-hidden="true" />
              {curves.length > 1 && name} <span class="number">{lastUntil(data[i + 1], row, format)}</span>
            </span>
          ))}
        </span>
      </figcaption>
      <div ref={place} class="plot" role="img" aria-label={summarize(title, curves, format)} />
    </figure>
  )
}

/** Returns a function that resolves a colour of the style sheet, such as `--ink`, as a canvas needs it. */
function makeColors(element: HTMLElement): (name: string) => string {
  const style = getComputedStyle(element)
  return (name) => {
    element.style.color = `var(${name})`
    const { color } = style
    element.style.color = ''
    return color
  }
}

/** Returns the steps of all curves, and the values of each, with null where a curve has none. */
function toColumns(curves: readonly Curve[]): [number[], ...(number | null)[][]] {
  const steps = [...new Set(curves.flatMap(({ points }) => points.map(([step]) => step)))].sort((a, b) => a - b)
  const columns = curves.map(({ points }) => {
    const values = new Map(points)
    return steps.map((step) => values.get(step) ?? null)
  })
  return [steps, ...columns]
}

function lastUntil(values: readonly (number | null)[], row: number, format: (value: number) => string): string {
  const value = values.slice(0, row + 1).findLast((one) => one !== null)
  return value === undefined || value === null ? '–' : format(value)
}

function summarize(title: string, curves: readonly Curve[], format: (value: number) => string): string {
  const parts = curves.map(({ name, points }) => {
    const [first, last] = [points[0], points.at(-1)]
    if (!first || !last) return `${name}: no values yet`
    return `${name}: from ${format(first[1])} at step ${first[0]} to ${format(last[1])} at step ${last[0]}`
  })
  return `${title}. ${parts.join('. ')}`
}

function useDarkness(): boolean {
  const [query] = useState(() => matchMedia('(prefers-color-scheme: dark)'))
  const [isDark, setDark] = useState(query.matches)
  useEffect(() => {
    const update = () => setDark(query.matches)
    query.addEventListener('change', update)
    return () => query.removeEventListener('change', update)
  }, [])
  return isDark
}
