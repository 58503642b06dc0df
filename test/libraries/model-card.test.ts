import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { saveAdapter } from '../../checkpoint/adapter.ts'
import { loadBase } from '../../checkpoint/base.ts'
import { embeddedBase } from '../../checkpoint/embedded-base.ts'
import { loadClassifier } from '../../library/library.ts'
import type { MethodConfig } from '../../model/methods/registry.ts'
import { freshPath, randomAdapter } from '../checkpoint/helpers.ts'
import { runTool } from '../tools/run-tool.ts'
import { type Library, runPython, without } from './libraries.ts'

const REVIEW =
  'It starts slowly, and one waits for the plot to begin. Then it becomes a joy that I did not expect. '.repeat(4)

const cards: [library: Library, layout: string, config: MethodConfig][] = [
  ['peft', 'peft', { method: 'lora' }],
  ['peft', 'full', { method: 'full' }],
  ['adapterhub', 'adapterhub', { method: 'bottleneck' }],
  ['adapterhub', 'adapterhub-bin', { method: 'lora' }],
  ['opendelta', 'opendelta', { method: 'soft-prompt' }],
]

describe('the Python of a model card', () => {
  const exported = freshPath('exported')
  beforeAll(async () => void (await runTool('export-base', exported)), 60_000)

  for (const [library, layout, config] of cards)
    test.skipIf(without(library))(
      `gives the label of a folder of the layout ${layout}${without(library)}`,
      async () => {
        const base = await loadBase(embeddedBase)
        const dir = freshPath('carded')
        await saveAdapter(dir, { ...randomAdapter(config, base, 0.02), layout }, base, {
          label_words: { negative: 'worst', positive: 'excellent' },
          labels: ['negative', 'positive'],
          temperature: 1.5,
          truncation: { max_tokens: 32, side: 'left' },
        })
        const [, python] = /```python\n(.*?)```/s.exec(readFileSync(join(dir, 'README.md'), 'utf8')) ?? []
        const program = python.replaceAll('PATH_OF_THE_BASE', exported).replaceAll('PATH_OF_THIS_FOLDER', dir)
        const printed = await runPython(library, [
          '-c',
          `import opendelta_stubs\nreview = ${JSON.stringify(REVIEW)}\n${program}`,
        ])
        const theirs = JSON.parse(printed.trim().split('\n').at(-1)?.replaceAll("'", '"') ?? '') as Record<
          string,
          number
        >

        const classifier = await loadClassifier({ adapter: dir, threads: 1 })
        const [{ scores }] = await classifier.classify([REVIEW])
        await classifier.close()
        expect(Object.keys(theirs)).toEqual(['negative', 'positive'])
        for (const [label, score] of Object.entries(scores)) expect(theirs[label]).toBeCloseTo(score, 4)
      },
    )
})
