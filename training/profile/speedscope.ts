import type { Span, Work } from './work.ts'

/** speedscope's file format, as far as it is used here (speedscope.app/file-format-schema.json). */
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

/** A flame graph of steps: for each thread, and for the GPU, step → forward, backward or optimizer → layer → op. */
export function speedscope(name: string, steps: readonly Span[], work: readonly Work[]): Speedscope {
  const names: string[] = []
  const numbers = new Map<string, number>()
  const frame = (label: string): number => {
    const number = numbers.get(label) ?? names.push(label) - 1
    numbers.set(label, number)
    return number
  }
  const lanes = [...Map.groupBy(work, ({ lane }) => lane)].sort(([a], [b]) =>
    a.localeCompare(b, 'en', { numeric: true }),
  )
  const profiles = lanes.map(([lane, own]) => evented(lane, steps, own, frame))
  return {
    $schema: 'https://www.speedscope.app/file-format-schema.json',
    exporter: 'graft',
    name,
    shared: { frames: names.map((label) => ({ name: label })) },
    profiles,
  }
}

function evented(
  name: string,
  steps: readonly Span[],
  work: readonly Work[],
  frame: (label: string) => number,
): EventedProfile {
  const origin = steps[0].begun
  const events: EventedProfile['events'] = []
  const open: string[] = []
  let now = 0
  // Rounded times may overlap by a microsecond: what comes later begins where the clock stands.
  const at = (time: number) => {
    now = Math.max(now, time - origin)
    return now
  }
  const closeTo = (depth: number, time = now + origin) => {
    while (open.length > depth) events.push({ type: 'C', frame: frame(open.pop() as string), at: at(time) })
  }
  const openAll = (path: readonly string[], time: number) => {
    const shared = path.findIndex((label, i) => open[i] !== label)
    closeTo(shared)
    for (const label of path.slice(shared)) {
      open.push(label)
      events.push({ type: 'O', frame: frame(label), at: at(time) })
    }
  }
  for (const [i, step] of steps.entries()) {
    const label = `step ${i + 1}`
    openAll([label], step.begun)
    let call: number | undefined
    for (const one of work.filter(({ begun }) => begun >= step.begun && begun < step.ended).sort(byBegin)) {
      if (one.call !== call) closeTo(1)
      call = one.call
      const { phase, layer } = one.place ?? { phase: 'inserted by ONNX Runtime' }
      openAll([label, phase, ...(layer ? [layer] : []), one.op], one.begun)
      closeTo(open.length - 1, one.begun + one.ms)
    }
    closeTo(1)
    closeTo(0, step.ended)
  }
  return { type: 'evented', name, unit: 'milliseconds', startValue: 0, endValue: now, events }
}

const byBegin = (a: Work, b: Work): number => a.begun - b.begun
