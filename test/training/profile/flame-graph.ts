import { expect } from 'vitest'
import type { Speedscope } from '../../../training/profile/speedscope.ts'

/**
 * Reads a flame graph as speedscope does and checks what that demands: every frame known, times that never go back, and each frame closed
 * that was opened, the innermost first.
 * @returns the milliseconds spent beneath frames of these names, one in the other at any depth, in all profiles together
 */
export function totals({ shared: { frames }, profiles }: Speedscope): (...path: string[]) => number {
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
