import { describeProblem } from '../../core/errors.ts'
import { formatCount } from '../../core/format-count.ts'
import { inspect as inspectFolder } from '../../platform/offline/checkpoints.ts'
import { checkFlags } from '../check-flags.ts'
import type { Command } from '../command.ts'
import { baseFlag, fetchBase } from '../hub-progress.ts'
import { formatPercent, printResult } from '../output.ts'
import { makeProgress } from '../progress.ts'
import { requireArgument } from '../subcommands.ts'

const flags = {
  base: baseFlag,
}

const libraries: Readonly<Record<string, string>> = {
  peft: 'PEFT',
  adapterhub: 'AdapterHub',
  'adapterhub-bin': 'AdapterHub',
  opendelta: 'OpenDelta',
  full: 'transformers (a full model)',
}

export const inspect: Command = {
  summary: 'Say which library wrote a folder, what it is, and whether it loads',
  usage: 'inspect DIR [--base DIR]',
  examples: ['graft inspect film-lora', 'graft inspect their-adapter --base t5-small'],
  flags: { Flags: flags },
  positionals: true,
  async run({ json, ...values }, positionals) {
    const dir = requireArgument(positionals, 'the folder of an adapter or a model')
    const { base } = checkFlags(flags, values)
    const found = await inspectFolder(dir, await fetchBase(base, makeProgress()))
    printResult(json, found, formatInspection(found))
  },
}

function formatInspection(found: Awaited<ReturnType<typeof inspectFolder>>): string[] {
  const { method: settings, metrics, label_words: words } = found
  const { method, ...fields } = settings ?? {}
  const rows = [
    ['library', [libraries[found.layout] ?? found.layout, found.version].filter(Boolean).join(' ')],
    ['method', method ? `${method} ${formatFields(fields)}` : 'not known, see below'],
    [
      'weights',
      found.weights
        .map(
          ({ file, tensors, parameters }) =>
            `${file}: ${formatCount(tensors)} tensors, ${formatCount(parameters)} parameters`,
        )
        .join('; ') || 'none that can be read',
    ],
    ...(found.head ? [['head', `${found.head}${found.loads ? ', the same as that of the base' : ''}`]] : []),
    ['base it names', found.base_named ?? 'none'],
    [
      'label words',
      words ? formatFields(words) : found.has_manifest ? 'none' : 'not stored: those of the base are used',
    ],
    ...(typeof metrics?.accuracy === 'number' ? [['accuracy', formatPercent(metrics.accuracy)]] : []),
    ['graft.json', found.has_manifest ? 'yes' : 'no: another program wrote this folder'],
    [`on ${found.base}`, found.loads ? 'loads' : 'does not load'],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  const lines = rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`)
  return [...lines, ...found.problems.map((problem) => `problem: ${describeProblem(problem)}`)]
}

const formatFields = (fields: object): string =>
  Object.entries(fields)
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(',') : value}`)
    .join(' ')
