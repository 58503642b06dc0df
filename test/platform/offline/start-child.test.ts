import { readFileSync } from 'node:fs'
import { getPriority } from 'node:os'
import { expect, test } from 'vitest'
import { runTrainingProcess } from '../../../platform/offline/training-process.ts'
import { tinySpec } from '../../training/tiny.ts'
import { childrenOf } from '../worker/wait-until.ts'

test.skipIf(process.platform !== 'linux')(
  'a training process gives way to the one that started it, and Linux ends it first when memory runs out',
  async () => {
    const spec = tinySpec({ device: 'cpu', threads: 1, steps: 2 })
    const scores: string[] = []
    const priorities: number[] = []
    const onEvent = () => {
      for (const pid of childrenOf('training/child')) {
        scores.push(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8'))
        priorities.push(getPriority(pid))
      }
    }
    await runTrainingProcess({ kind: 'train', spec, resume: false }, onEvent, new AbortController().signal)
    expect(new Set(scores)).toEqual(new Set(['1000\n']))
    // A higher number is a lower priority.
    expect(Math.min(...priorities)).toBeGreaterThan(getPriority())
    expect(readFileSync('/proc/self/oom_score_adj', 'utf8')).not.toBe('1000\n')
  },
)
