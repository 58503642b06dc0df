import { relative } from 'node:path'
import type { Reporter, TestModule } from 'vitest/node'
import { packageRoot } from '../core/entry.ts'

/** Files that are printed. */
const COUNT = 10

/** Seconds that a file took, from its import to its last hook. */
function secondsOf(module: TestModule): number {
  const { collectDuration, setupDuration, duration } = module.diagnostic()
  return (collectDuration + setupDuration + duration) / 1000
}

/** Prints the slowest files of a run of several. */
export const slowestFiles: Reporter = {
  onTestRunEnd(modules) {
    if (modules.length <= COUNT) return
    const slowest = modules
      .map((module) => ({ path: relative(packageRoot, module.moduleId), seconds: secondsOf(module) }))
      .sort((a, b) => b.seconds - a.seconds)
      .slice(0, COUNT)
    console.log(`\n The ${COUNT} slowest files:`)
    for (const { path, seconds } of slowest) console.log(`${seconds.toFixed(1).padStart(8)} s  ${path}`)
  },
}
