import { cpSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { saveAdapter } from '../../checkpoint/adapter.ts'
import type { Command } from '../../cli/command.ts'
import { catalogue, type ErrorCode } from '../../core/catalogue.ts'
import { packageRoot } from '../../core/entry.ts'
import { GraftError } from '../../core/errors.ts'
import { editJson, editTensors, freshPath, parityPath, randomAdapter, tinyT5 } from '../checkpoint/helpers.ts'
import { graft, runInProcess } from '../cli/run.ts'
import { base, saveRandomAdapter } from '../serving/adapters.ts'
import { snapshotFolder } from './folder-snapshot.ts'

const samples = join(packageRoot, 'samples')
const LINES = readFileSync(join(samples, 'train.jsonl'), 'utf8').split('\n').slice(0, 20)

const tiny = await tinyT5()

let [adapter, foreign] = ['', '']
beforeAll(async () => {
  adapter = await saveRandomAdapter('film', { method: 'lora', rank: 2 }, 0.1)
  foreign = freshPath('foreign')
  await saveAdapter(foreign, randomAdapter({ method: 'lora', rank: 2 }, tiny), tiny)
})

/** Creates a folder with valid data and a valid adapter. @returns a function that joins paths to it */
function makeWorkFolder(): (name: string) => string {
  const folder = freshPath('work')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'train.jsonl'), LINES.join('\n'))
  cpSync(adapter, join(folder, 'film'), { recursive: true })
  return (name) => join(folder, name)
}

interface Case {
  what: string
  /** Breaks the contents of the folder. */
  spoil?(at: (name: string) => string): void | Promise<void>
  argv(at: (name: string) => string): string[]
  code: ErrorCode
  /** Texts that the message must contain. */
  says: readonly string[]
}

const training =
  (...more: string[]) =>
  (at: (name: string) => string) => [
    'train',
    ...['--data', at('train.jsonl'), '--out', at('out'), '--steps', '1', '--threads', '1'],
    ...more.map((word) => word.replace('@', at('/'))),
  ]
const prediction = (at: (name: string) => string) => ['predict', '--checkpoint', at('film'), 'A joy.']
const data = (lines: readonly string[]) => (at: (name: string) => string) =>
  writeFileSync(at('train.jsonl'), lines.join('\n'))
const plainWeights = (change: Parameters<typeof editTensors>[1]) => async (at: (name: string) => string) => {
  rmSync(at('film/graft.json'))
  await editTensors(at('film/adapter_model.safetensors'), change)
}
const FIRST = 'base_model.model.encoder.block.0.layer.0.SelfAttention.q.lora_A.weight'

/** The most common cases run the real command. The others run in this process, which is faster. */
const spawned: Case[] = [
  {
    what: 'a misspelled flag',
    argv: training('--rnak', '4'),
    code: 'usage',
    says: ['--rnak', 'Did you mean --rank?'],
  },
  {
    what: 'a data file that does not exist',
    argv: training('--test', '@nowhere.jsonl'),
    code: 'file_missing',
    says: ['nowhere.jsonl', 'does not exist'],
  },
  {
    what: 'a line that ends in the middle',
    spoil: data([...LINES.slice(0, 6), '{"text": "half a', ...LINES.slice(7)]),
    argv: training(),
    code: 'data_line',
    says: ['train.jsonl, line 7', 'text that is not a JSON object'],
  },
  {
    what: 'a checkpoint for another base',
    argv: (at) => ['evaluate', '--checkpoint', foreign, '--data', at('train.jsonl')],
    code: 'base_mismatch',
    says: ['tiny-t5', tiny.fingerprint, 'graft-base', base.fingerprint],
  },
  {
    what: 'an output folder that is not empty',
    spoil: (at) => {
      mkdirSync(at('out'))
      writeFileSync(at('out/precious'), 'years of work')
    },
    argv: training(),
    code: 'output_exists',
    says: ['out', 'precious', 'Choose another folder'],
  },
]

const others: Case[] = [
  {
    what: 'an unknown method',
    argv: training('--method', 'lore'),
    code: 'method_invalid',
    says: ['lore', 'lora, bottleneck, soft-prompt, ia3, prefix, full'],
  },
  {
    what: 'a field of another method',
    argv: training('--bottleneck', '8'),
    code: 'method_invalid',
    says: ['lora, bottleneck', 'only rank, alpha, ranks, alphas, targets, dora, rslora', '8'],
  },
  { what: 'a value out of bounds', argv: training('--rank', '0'), code: 'method_invalid', says: ['lora, rank', '0'] },
  {
    what: 'a target that the base does not have',
    argv: training('--targets', 'query'),
    code: 'method_invalid',
    says: ['query', 'q, k, v, o'],
  },
  {
    what: 'text instead of a number',
    argv: training('--epochs', 'two'),
    code: 'usage',
    says: ['epochs', 'number', 'two'],
  },
  {
    what: 'a misspelled field in a file of settings',
    spoil: (at) => writeFileSync(at('config.yaml'), 'learning_rat: 0.1\n'),
    argv: training('--config', '@config.yaml'),
    code: 'usage',
    says: ['config.yaml, learning_rat', 'Did you mean learning_rate?'],
  },
  {
    what: 'a file of settings that does not exist',
    argv: training('--config', '@config.yaml'),
    code: 'file_missing',
    says: ['config.yaml', 'does not exist'],
  },
  {
    what: 'a file of settings that is not a mapping',
    spoil: (at) => writeFileSync(at('config.yaml'), '- a\n- b\n'),
    argv: training('--config', '@config.yaml'),
    code: 'usage',
    says: ['config.yaml', 'YAML or JSON', 'a list'],
  },
  { what: 'empty data', spoil: data([]), argv: training(), code: 'data_empty', says: ['train.jsonl', 'reviews'] },
  {
    what: 'data in an unknown format',
    spoil: data(['good film', 'bad film']),
    argv: training(),
    code: 'data_format',
    says: ['train.jsonl', 'JSON lines', 'text that is none of these'],
  },
  {
    what: 'data of one class',
    spoil: data(LINES.filter((line) => line.includes('"positive"'))),
    argv: training(),
    code: 'data_classes',
    says: ['two labels', 'only positive'],
  },
  {
    what: 'a label in the test data that the training does not have',
    spoil: (at) => writeFileSync(at('test.jsonl'), `${LINES[0]}\n{"text": "so so", "label": "neutral"}\n`),
    argv: training('--test', '@test.jsonl'),
    code: 'data_label',
    says: ['test.jsonl, line 2', 'negative, positive', 'neutral'],
  },
  {
    what: 'a word that is not a token of the base',
    argv: training('--label-words', 'negative=worst,positive=lukewarmish'),
    code: 'label_words',
    says: ['lukewarmish', 'a single token'],
  },
  {
    what: 'a base that does not exist',
    argv: training('--base', '@t5'),
    code: 'file_missing',
    says: ['t5', 'does not exist'],
  },
  {
    what: 'a base without a tokenizer',
    argv: training('--base', parityPath('tiny-t5')),
    code: 'base_incomplete',
    says: ['tiny-t5', 'does not contain tokenizer.json or spiece.model'],
  },
  {
    what: 'an adapter instead of a base',
    argv: training('--base', '@film'),
    code: 'base_incomplete',
    says: ['an adapter', 'Give the folder of the base'],
  },
  {
    what: 'an output that is a file',
    spoil: (at) => writeFileSync(at('out'), 'years of work'),
    argv: training(),
    code: 'output_exists',
    says: ['a file'],
  },
  {
    what: 'an output path below a file',
    argv: (at) => training()(at).map((word) => (word === at('out') ? at('train.jsonl/out') : word)),
    code: 'output_exists',
    says: ['a file'],
  },
  {
    what: 'a training to resume that does not exist',
    argv: (at) => ['train', '--resume', '--out', at('out')],
    code: 'file_missing',
    says: ['out.training', 'without --resume'],
  },
  {
    what: 'weights that lack a tensor',
    spoil: plainWeights((tensors) => tensors.delete(FIRST)),
    argv: prediction,
    code: 'checkpoint_tensors',
    says: ['adapter_model.safetensors is missing', `${FIRST} [2, 256]`],
  },
  {
    what: 'weights with an unknown tensor',
    spoil: plainWeights((tensors) => tensors.set('surplus', { shape: [1], data: Float32Array.of(1) })),
    argv: prediction,
    code: 'checkpoint_tensors',
    says: ['contains surplus [1]', 'does not describe'],
  },
  {
    what: 'weights with a tensor of another shape',
    spoil: plainWeights((tensors) => tensors.set(FIRST, { shape: [256, 2], data: new Float32Array(512).fill(1) })),
    argv: prediction,
    code: 'checkpoint_tensors',
    says: [FIRST, '[2, 256]', '[256, 2]'],
  },
  {
    what: 'truncated weights',
    spoil: (at) => truncateSync(at('film/adapter_model.safetensors'), 9000),
    argv: prediction,
    code: 'checkpoint_corrupt',
    says: ['adapter_model.safetensors', 'found'],
  },
  {
    what: 'weights that differ from the saved ones',
    spoil: (at) => editTensors(at('film/adapter_model.safetensors'), (tensors) => tensors.get(FIRST)?.data.fill(1)),
    argv: prediction,
    code: 'checkpoint_corrupt',
    says: ['adapter_model.safetensors', 'SHA-256'],
  },
  {
    what: 'a checkpoint with a setting that is not implemented and changes the result',
    spoil: (at) => editJson(at('film/adapter_config.json'), (config) => Object.assign(config, { use_qalora: true })),
    argv: prediction,
    code: 'checkpoint_config',
    says: ['use_qalora', 'true', 'QALoRA'],
  },
  {
    what: 'a checkpoint with an unknown setting',
    spoil: (at) => editJson(at('film/adapter_config.json'), (config) => Object.assign(config, { lora_magic: 3 })),
    argv: prediction,
    code: 'checkpoint_config',
    says: ['lora_magic', '3'],
  },
  {
    what: 'a checkpoint that does not exist',
    argv: (at) => ['serve', '--checkpoint', at('nowhere')],
    code: 'file_missing',
    says: ['nowhere'],
  },
  {
    what: 'a folder that is not a checkpoint',
    argv: (at) => ['evaluate', '--checkpoint', samples, '--data', at('train.jsonl')],
    code: 'file_missing',
    says: ['samples', 'adapter_config.json'],
  },
  {
    what: 'no checkpoint',
    argv: () => ['predict', 'A joy.'],
    code: 'usage',
    says: ['--checkpoint', '--adapter', 'missing'],
  },
  {
    what: 'neither texts nor a file of texts',
    argv: (at) => ['predict', '--checkpoint', at('film')],
    code: 'usage',
    says: ['--data FILE', 'missing'],
  },
  {
    what: 'a label in the data that the checkpoint does not have',
    spoil: data([...LINES, '{"text": "so so", "label": "neutral"}']),
    argv: (at) => ['evaluate', '--checkpoint', at('film'), '--data', at('train.jsonl')],
    code: 'data_label',
    says: ['line 21', 'neutral'],
  },
  {
    what: 'an address that other machines can reach',
    argv: (at) => ['serve', '--checkpoint', at('film'), '--host', '0.0.0.0', '--threads', '1'],
    code: 'usage',
    says: ['0.0.0.0', '127.0.0.1'],
  },
  {
    what: 'inputs of a probe that are not JSON',
    argv: (at) => ['probe', '--inputs', at('train.jsonl'), '--out', at('out')],
    code: 'data_format',
    says: ['train.jsonl', 'JSON'],
  },
  {
    what: 'a file to write in a folder that does not exist',
    argv: (at) => ['probe', '--inputs', parityPath('inputs.json'), '--out', at('no/such/out')],
    code: 'file_missing',
    says: ['no/such'],
  },
]

describe('nothing is written or lost, and the message says what is wrong and how to fix it, for', () => {
  test.each(spawned)('$what', async ({ spoil, argv, code, says }) => {
    const at = makeWorkFolder()
    await spoil?.(at)
    const before = snapshotFolder(at(''))
    const { code: exit, stdout, stderr } = await graft(...argv(at))
    expect({ exit, stdout }, stderr).toEqual({ exit: 2, stdout: '' })
    expect(stderr).toContain(`graft: ${catalogue[code].title}.`)
    expect(stderr).toMatch(/(?:^|\n)graft: \S.*\.\n {2}\S.*\.\n {2}\S.*\.\n$/)
    for (const word of says) expect(stderr).toContain(word)
    expect(snapshotFolder(at(''))).toEqual(before)
  })

  test.each(others)('$what', async ({ spoil, argv, code, says }) => {
    const at = makeWorkFolder()
    await spoil?.(at)
    const before = snapshotFolder(at(''))
    const [name, ...flags] = argv(at)
    const { [name]: command } = (await import(join(packageRoot, `cli/commands/${name}.ts`))) as Record<string, Command>
    const error = await runInProcess(command, ...flags).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(GraftError)
    const { code: found, message, detail } = error as GraftError
    expect(found, message).toBe(code)
    expect(catalogue[code].exit).toBe(2)
    for (const word of says) expect(message).toContain(word)
    for (const part of Object.values(detail)) expect(part).toMatch(/\S/)
    expect(snapshotFolder(at(''))).toEqual(before)
  })
})

test('a port that is in use is reported, and the command exits', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  const { code, stdout, stderr } = await graft('serve', '--checkpoint', adapter, '--threads', '1', '--port', `${port}`)
  server.close()
  expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(new RegExp(`127\\.0\\.0\\.1:${port} is already in use\\.`))
})
