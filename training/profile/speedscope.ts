import type { KernelRun, Span } from './kernels.ts'

/** The part of speedscope's file format that is used here (speedscope.app/file-format-schema.json). */
export interface Speedscope {
  $schema: 'https://www.speedscope.app/file-format-schema.json'
  exporter: string
  name: string
  shared: { frames: { name: string }[] }
  profiles: EventedProfile[]
}

interface EventedProfile {
  type: 'evented'
  name: string
  unit: 'milliseconds'
  startValue: number
  endValue: number
  events: { type: 'O' | 'C'; frame: number; at: number }[]
}

/** Returns a flame graph: for each thread, and for the GPU, step → forward, backward or optimizer → layer → op. */
export function toSpeedscope(name: string, steps: readonly Span[], kernels: readonly KernelRun[]): Speedscope {
  const labels: string[] = []
  const indices = new Map<string, number>()
  const frameOf = (label: string): number => {
    const index = indices.get(label) ?? labels.push(label) - 1
    indices.set(label, index)
    return index
  }
  const lanes = [...Map.groupBy(kernels, ({ lane }) => lane)].sort(([a], [b]) =>
    a.localeCompare(b, 'en', { numeric: true }),
  )
  const profiles = lanes.map(([lane, own]) => toEventedProfile(lane, steps, own, frameOf))
  return {
    $schema: 'https://www.speedscope.app/file-format-schema.json',
    exporter: 'graft',
    name,
    shared: { frames: labels.map((label) => ({ name: label })) },
    profiles,
  }
}

function toEventedProfile(
  name: string,
  steps: readonly Span[],
  kernels: readonly KernelRun[],
  frameOf: (label: string) => number,
): EventedProfile {
  const origin = steps[0].start
  const events: EventedProfile['events'] = []
  const open: string[] = []
  let now = 0
  // Rounded times may overlap by a microsecond. An event never gets a time before the previous event.
  const advanceTo = (time: number) => {
    now = Math.max(now, time - origin)
    return now
  }
  const closeTo = (depth: number, time = now + origin) => {
    while (open.length > depth) events.push({ type: 'C', frame: frameOf(open.pop() as string), at: advanceTo(time) })
  }
  const openAll = (path: readonly string[], time: number) => {
    const shared = path.findIndex((label, i) => open[i] !== label)
    closeTo(shared)
    for (const label of path.slice(shared)) {
      open.push(label)
      events.push({ type: 'O', frame: frameOf(label), at: advanceTo(time) })
    }
  }
  for (const [i, step] of steps.entries()) {
    const label = `step ${i + 1}`
    openAll([label], step.start)
    let call: number | undefined
    for (const kernel of kernels.filter(({ start }) => start >= step.start && start < step.end).sort(byStart)) {
      if (kernel.call !== call) closeTo(1)
      call = kernel.call
      const { phase, layer } = kernel.place ?? { phase: 'inserted by ONNX Runtime' }
      openAll([label, phase, ...(layer ? [layer] : []), kernel.op], kernel.start)
      closeTo(open.length - 1, kernel.start + kernel.ms)
    }
    closeTo(1)
    closeTo(0, step.end)
  }
  return { type: 'evented', name, unit: 'milliseconds', startValue: 0, endValue: now, events }
}

const byStart = (a: KernelRun, b: KernelRun): number => a.start - b.start
