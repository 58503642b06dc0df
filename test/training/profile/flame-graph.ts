import { expect } from 'vitest'
import type { Speedscope } from '../../../training/profile/speedscope.ts'

/**
 * Reads a flame graph like speedscope does, and checks its rules: every frame is defined, times never decrease, and
 * every frame that was opened is closed, the innermost first.
 * @returns a function that returns the milliseconds, in all profiles together, spent in frames with the last of these
 *   names inside frames with the other names
 */
export function readFlameGraph({ shared: { frames }, profiles }: Speedscope): (...path: string[]) => number {
  const spans: { path: string[]; ms: number }[] = []
  for (const { type, unit, startValue, endValue, events } of profiles) {
    expect([type, unit]).toEqual(['evented', 'milliseconds'])
    const open: { frame: number; at: number }[] = []
    let last = startValue
    for (const { type: kind, frame, at } of events) {
      expect(frames[frame]?.name).toBeTypeOf('string')
      expect(at).toBeGreaterThanOrEqual(last)
      last = at
      if (kind === 'O') {
        open.push({ frame, at })
        continue
      }
      const path = open.map((one) => frames[one.frame].name)
      const closed = open.pop()
      expect(closed?.frame).toBe(frame)
      spans.push({ path, ms: at - closed!.at })
    }
    expect(open).toEqual([])
    expect(last).toBeLessThanOrEqual(endValue)
  }
  return (...names) =>
    spans
      .filter(({ path }) => path.at(-1) === names.at(-1) && names.every((name) => path.includes(name)))
      .reduce((sum, { ms }) => sum + ms, 0)
}
