import { describe, expect, test } from 'vitest'
import { makeProgress } from '../../cli/progress.ts'
import { makeTrainingListener, type StreamedEvent } from '../../cli/training-progress.ts'
import { openScreen } from './terminal.ts'

const plan = {
  method: 'lora',
  trainable: 49_152,
  total: 8_441_344,
  percent: 0.5823,
  reviews: 1160,
  tokens: 40_000,
  steps: 44,
  padding: 0.031,
  batch_tokens: 1024,
  device: 'cpu',
  threads: 2,
  learning_rate: 0.001,
  labels: { negative: 'negative', positive: 'positive' },
  duplicates: 0,
  leaked: 0,
  held_out: 100,
  truncated: 0,
  data: { columns: { text: 'text', label: 'label' }, encoding: 'utf-8' as const, skipped: { rows: 0, reasons: [] } },
  findings: [],
}
const step = (done: number): StreamedEvent => ({
  type: 'step',
  step: done,
  steps: 44,
  loss: 0.6 - done / 100,
  reviews_per_second: 48.3,
  seconds_left: 44 - done,
})
const evaluated = (done: number): StreamedEvent => ({ type: 'evaluation_progress', done, total: 90 })

/** The events of a training, as a server sends them: not all steps are among them. */
const events: StreamedEvent[] = [
  { type: 'stage', message: 'Reading the reviews' },
  { type: 'plan', plan },
  step(1),
  step(17),
  step(40),
  { type: 'stage', message: 'Fitting the temperature to 100 held-out reviews' },
  evaluated(30),
  evaluated(90),
]

describe.each([60, 100, 160])('a training on a terminal of %i columns', (columns) => {
  test('leaves this screen', async () => {
    const screen = openScreen(columns)
    const listen = makeTrainingListener(makeProgress(screen.stream))
    for (const event of events) listen(event)
    await expect(`${(await screen.lines()).join('\n')}\n`).toMatchFileSnapshot(`../golden/screen-${columns}.txt`)
  })

  test('shows the steps in one line that fits, and a line of the log above it', async () => {
    const screen = openScreen(columns)
    const progress = makeProgress(screen.stream)
    makeTrainingListener(progress)(step(17))
    const [line, ...others] = await screen.lines()
    expect(others).toEqual([])
    expect(line).toMatch(/^\[=+ +\] 17\/44 {2}27 s left/)
    progress.writeLine('[12:00:00]: GET /docs 200 in 3 ms')
    expect(await screen.lines()).toEqual(['[12:00:00]: GET /docs 200 in 3 ms', line])
  })
})

test('a bar follows the width of the terminal and leaves nothing behind', async () => {
  const screen = openScreen(160)
  const progress = makeProgress(screen.stream)
  progress.writeLine('Training …')
  const bar = { done: 20, total: 44, details: ['24 s left', 'loss 0.4000', '48.3 reviews/s'] }
  progress.update(bar)
  const wide = await screen.lines()
  expect(wide[1]).toContain('48.3 reviews/s')
  await screen.resize(50)
  const narrow = await screen.lines()
  expect(narrow).toEqual(['Training …', expect.stringMatching(/^\[=+ +\] 20\/44 {2}24 s left {2}loss 0\.4000$/)])
  await screen.resize(160)
  expect(await screen.lines()).toEqual(wide)
  progress.finish()
  progress.writeLine('Done')
  expect(await screen.lines()).toEqual([...wide, 'Done'])
})

test('prose wraps at words, and a command stays whole, so that it can be copied', async () => {
  const screen = openScreen(20)
  const command = '  curl localhost:8080/v1/predictions'
  makeProgress(screen.stream).writeLine(`Try this right now, please:\n${command}`)
  const lines = await screen.lines()
  expect(lines.slice(0, 2)).toEqual(['Try this right now,', 'please:'])
  expect(lines.slice(2).join('')).toBe(command)
})
