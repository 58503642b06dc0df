import { beforeAll, describe, expect, test } from 'vitest'
import { parameters } from '../../cli/commands/parameters.ts'
import { expectError } from '../checkpoint/helpers.ts'
import { saveRandomAdapter } from '../serving/adapters.ts'
import { runInProcess } from './run.ts'

const run = (...argv: string[]) => runInProcess(parameters, ...argv)
const json = async (...argv: string[]) => JSON.parse(await run(...argv, '--json'))

/** The published counts of T5-small. */
const PUBLISHED: [name: string, trainable: number, total: number][] = [
  ['full fine-tuning', 60_506_624, 60_506_624],
  ['soft prompt, 10 tokens', 5_120, 60_511_744],
  ['OpenDelta soft prompt, 1 token', 512, 60_507_136],
  ['OpenDelta soft prompt, 10 tokens', 5_120, 60_511_744],
  ['adapter, width 8', 104_544, 60_611_168],
  ['AdapterHub adapter, width 8', 104_544, 60_611_168],
  ['AdapterHub adapter, width 1', 18_444, 60_525_068],
  ['LoRA, rank 8', 294_912, 60_801_536],
  ['PEFT LoRA, rank 1', 36_864, 60_543_488],
  ['PEFT LoRA, rank 8', 294_912, 60_801_536],
]

describe('graft parameters', () => {
  test('--table gives the published counts of T5-small exactly', async () => {
    const { base, rows } = await json('--table')
    expect(base).toBe('t5-small')
    expect(rows).toEqual(
      PUBLISHED.map(([name, trainable, total]) => ({ name, trainable, total, percent: (100 * trainable) / total })),
    )
  })

  test('--table prints a table with separated thousands and percentages of four digits', async () => {
    const [head, ...lines] = (await run('--table')).trimEnd().split('\n')
    expect(head.split(/ {2,}/)).toEqual(['method', 'trainable', 'total', 'percent'])
    expect(lines.map((line) => line.split(/ {2,}/))).toEqual(
      PUBLISHED.map(([name, trainable, total]) => [
        name,
        trainable.toLocaleString('en'),
        total.toLocaleString('en'),
        ((100 * trainable) / total).toFixed(4),
      ]),
    )
  })

  test('counts LoRA of rank 8 on T5-small by default, and shows the calculation', async () => {
    const printed = await run()
    expect(printed).toContain(
      '294,912 of 60,801,536 parameters are trained (0.4850 %), 294,912 of them added to the base',
    )
    expect(printed).toContain('36 × 8 × 512 + 36 × 512 × 8 = 294,912')
  })

  test.each<[string[], object]>([
    [['--method', 'lora', '--rank', '4'], { trainable: 147_456, added: 147_456, total: 60_654_080 }],
    [['--rank', '4', '--targets', 'q,k,v,o'], { trainable: 294_912, total: 60_801_536 }],
    [['--method', 'soft-prompt', '--tokens', '20'], { trainable: 10_240, total: 60_516_864 }],
    [['--method', 'soft-prompt', '--tokens', '10', '--submodules', '2'], { trainable: 10_240 }],
    [['--method', 'bottleneck', '--bottleneck', '8', '--variant', 'double_seq_bn'], { trainable: 209_088 }],
    [['--method', 'full'], { trainable: 60_506_624, added: 0, total: 60_506_624, percent: 100 }],
    [['--base', 'embedded', '--rank', '4'], { trainable: 49_152 / 2, total: 8_392_192 + 49_152 / 2 }],
  ])('%j --json counts exactly', async (argv, counts) => {
    const counted = await json(...argv)
    expect(counted).toMatchObject(counts)
    expect(Object.keys(counted)).toEqual(['trainable', 'added', 'total', 'percent'])
    expect(counted.percent).toBeCloseTo((100 * counted.trainable) / counted.total, 10)
  })

  test('--tensors lists families of tensors that add up to the trained parameters', async () => {
    const { trainable, groups, formula } = await json('--tensors', '--method', 'bottleneck')
    expect(groups.reduce((sum: number, group: { parameters: number }) => sum + group.parameters, 0)).toBe(trainable)
    expect(formula).toContain(`= ${trainable.toLocaleString('en')}`)
    expect(await run('--tensors')).toMatch(/encoder\.block\.\*\.layer\.0\.SelfAttention\.q\.lora_A +6 +8 x 512 +24,576/)
  })

  test('--checkpoint counts the parameters of an adapter', async () => {
    const dir = await saveRandomAdapter('counted', { method: 'lora', rank: 3, targets: ['wo'] }, 0.1)
    expect(await json('--checkpoint', dir)).toMatchObject({
      trainable: 5 * 3 * (256 + 1024),
      total: 8_392_192 + 19_200,
    })
  })
})

describe('graft parameters rejects', () => {
  let dir: string
  beforeAll(async () => {
    dir = await saveRandomAdapter('other', { method: 'lora', rank: 1 }, 0.1)
  })

  test('a field of another method, an unknown method or base, and a value out of bounds', async () => {
    await expectError(run('--rank', '4', '--bottleneck', '8'), 'method_invalid', 'lora, bottleneck', 'only rank, alpha')
    await expectError(
      run('--method', 'lore'),
      'method_invalid',
      'lora, bottleneck, soft-prompt, ia3, prefix, full',
      'lore',
    )
    await expectError(run('--base', 't5-smal'), 'file_missing', 't5-smal')
    await expectError(run('--rank', '0'), 'method_invalid', 'lora, rank', '0')
    await expectError(run('--rank', 'eight'), 'method_invalid', 'lora, rank', 'eight')
    await expectError(run('--targets', 'query'), 'method_invalid', 'query', 'q, k, v, o')
  })

  test('a method with --table or --checkpoint, which already determine what is counted', async () => {
    await expectError(run('--table', '--rank', '4'), 'usage', '--rank', '--table')
    await expectError(run('--checkpoint', dir, '--method', 'full'), 'usage', '--method', '--checkpoint')
  })
})
