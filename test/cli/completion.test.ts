import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { formatCompletion } from '../../cli/completion.ts'
import { loadAll } from '../../cli/loaders.ts'
import type { GraftError } from '../../core/errors.ts'
import { freshPath } from '../checkpoint/helpers.ts'

const commands = await loadAll()
const scriptFor = (shell: string) => formatCompletion([shell], commands)

/** Returns what bash offers for the last word of a command line. */
function complete(line: string): string[] {
  const words = line.split(' ')
  const script = `${scriptFor('bash')}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _graft; printf '%s\\n' "\${COMPREPLY[@]}"`
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).split('\n').filter(Boolean)
}

test('bash completes commands, subcommands, flags and the values of flags', () => {
  expect(complete('graft tra')).toEqual(['train', 'trainings'])
  expect(complete('graft help pre')).toEqual(['pretrain', 'predict'])
  expect(complete('graft completion ')).toEqual(['bash', 'zsh', 'fish'])
  expect(complete('graft trainings p')).toEqual(['pause'])
  expect(complete('graft train --learn')).toEqual(['--learning-rate'])
  expect(complete('graft train --method ')).toEqual(['lora', 'bottleneck', 'soft-prompt', 'ia3', 'prefix', 'full'])
  expect(complete('graft serve --log=')).toEqual([])
  expect(complete('graft nonsense --')).toEqual([])
})

test.each(['zsh', 'fish'])('the script for %s is valid and has every command with its flags', (shell) => {
  const script = scriptFor(shell)
  for (const [name, { flags }] of Object.entries(commands)) {
    expect(script).toContain(name)
    for (const field of Object.values(flags).flatMap(Object.keys)) expect(script).toContain(field.replaceAll('_', '-'))
  }
  const path = freshPath('script')
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, script)
  try {
    execFileSync(shell, ['-n', path], { stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (error) {
    // Not every machine has the shell, or lets every user run it.
    if (!['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
})

test.each([[[]], [['powershell']], [['bash', 'zsh']]])('another shell is refused: %j', (args) => {
  let error: unknown
  try {
    formatCompletion(args, commands)
  } catch (thrown) {
    error = thrown
  }
  expect((error as GraftError).detail).toMatchObject({
    expected: 'bash, zsh or fish',
    fix: expect.stringContaining('source <('),
  })
})
