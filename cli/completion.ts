import type { z } from 'zod'
import { fail } from '../core/errors.ts'
import type { Command } from './command.ts'
import { descriptionOf, flagOf, kindOf, suggest } from './flags.ts'
import { choicesOf } from './help.ts'

type Commands = Readonly<Record<string, Command>>

/** A word that completes a command line. */
interface Flag {
  flag: string
  description: string
  /** True if a value follows. */
  takesValue: boolean
  choices?: readonly string[]
}

const formats: Readonly<Record<string, (commands: Commands) => string>> = {
  bash: formatBash,
  zsh: formatZsh,
  fish: formatFish,
}

/**
 * Returns a script that completes commands, their subcommands, flags and the values of flags.
 * @param args the shell
 * @throws GraftError `usage` for anything but one of the shells
 */
export function formatCompletion(args: readonly string[], commands: Commands): string {
  const [shell = ''] = args
  if (args.length === 1 && Object.hasOwn(formats, shell)) return formats[shell](commands)
  return fail('usage', {
    subject: 'graft completion',
    expected: 'bash, zsh or fish',
    found: args.length === 0 ? 'nothing' : args.join(' '),
    fix: `${suggest(shell, Object.keys(formats))}In bash, add this line to ~/.bashrc: source <(graft completion bash).`,
  })
}

const flagsOf = ({ flags }: Command): Flag[] => [
  ...Object.values(flags)
    .flatMap(Object.entries)
    .map(([field, schema]: [string, z.ZodType]) => ({
      flag: `--${flagOf(field)}`,
      description: descriptionOf(schema) ?? '',
      takesValue: kindOf(schema) !== 'boolean',
      choices: choicesOf(schema),
    })),
  { flag: '--json', description: 'Print one JSON document.', takesValue: false },
  { flag: '--help', description: 'Show help.', takesValue: false },
]

/** Returns the subcommands, which the usage lists: `trainings [list | show NAME]`. */
const subcommandsOf = ({ usage }: Command): string[] =>
  [...usage.matchAll(/(?:^\w+ \[|\| )([a-z]+)(?=[ \]])/g)].map(([, name]) => name)

/** Other words that may stand in the place of a command. */
const OTHER_COMMANDS = ['help', 'completion']

function formatBash(commands: Commands): string {
  const names = [...Object.keys(commands), ...OTHER_COMMANDS].join(' ')
  const cases = Object.entries(commands).map(([name, command]) => {
    const flags = flagsOf(command)
    const choices = flags.filter((flag) => flag.choices)
    return [
      `    ${name})`,
      `      words="${[...subcommandsOf(command), ...flags.map(({ flag }) => flag)].join(' ')}"`,
      ...(choices.length > 0
        ? [
            '      case "$previous" in',
            ...choices.map(({ flag, choices = [] }) => `        ${flag}) words="${choices.join(' ')}" ;;`),
            '      esac',
          ]
        : []),
      '      ;;',
    ].join('\n')
  })
  return `_graft() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${names} --help --version"
  else
    case "\${COMP_WORDS[1]}" in
    help) words="${Object.keys(commands).join(' ')}" ;;
    completion) words="${Object.keys(formats).join(' ')}" ;;
${cases.join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _graft graft
`
}

function formatZsh(commands: Commands): string {
  const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
  const escapeText = (text: string) => text.replace(/[[\]:\\]/g, '\\$&')
  const cases = Object.entries(commands).map(([name, command]) => {
    const flags = flagsOf(command).map(({ flag, description, takesValue, choices }) => {
      const value = choices ? `:value:(${choices.join(' ')})` : ':value:_files'
      return quote(`*${flag}[${escapeText(description)}]${takesValue ? value : ''}`)
    })
    const subcommands = subcommandsOf(command)
    const first = subcommands.length > 0 ? [quote(`1:subcommand:(${subcommands.join(' ')})`)] : []
    return `    ${name}) _arguments ${[...first, ...flags, quote('*:file:_files')].join(' \\\n      ')} ;;`
  })
  const described = Object.entries(commands).map(([name, { summary }]) => quote(`${name}:${escapeText(summary)}`))
  return `#compdef graft
_graft() {
  if (( CURRENT == 2 )); then
    local -a commands=(${[...described, ...OTHER_COMMANDS.map(quote)].join('\n      ')})
    _describe command commands
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
    help) _values command ${Object.keys(commands).join(' ')} ;;
    completion) _values shell ${Object.keys(formats).join(' ')} ;;
${cases.join('\n')}
  esac
}
compdef _graft graft
`
}

function formatFish(commands: Commands): string {
  const quote = (text: string) => `'${text.replace(/[\\']/g, '\\$&')}'`
  const lines = Object.entries(commands).flatMap(([name, command]) => {
    const within = `complete -c graft -n '__fish_seen_subcommand_from ${name}'`
    return [
      `complete -c graft -n __fish_use_subcommand -f -a ${name} -d ${quote(command.summary)}`,
      ...subcommandsOf(command).map((subcommand) => `${within} -f -a ${subcommand}`),
      ...flagsOf(command).map(({ flag, description, takesValue, choices }) => {
        const value = choices ? ` -x -a ${quote(choices.join(' '))}` : takesValue ? ' -r' : ''
        return `${within} -l ${flag.slice(2)}${value} -d ${quote(description)}`
      }),
    ]
  })
  const others = OTHER_COMMANDS.map((name) => `complete -c graft -n __fish_use_subcommand -f -a ${name}`)
  const names = quote(Object.keys(commands).join(' '))
  return `${[
    ...lines,
    ...others,
    `complete -c graft -n '__fish_seen_subcommand_from help' -f -a ${names}`,
    `complete -c graft -n '__fish_seen_subcommand_from completion' -f -a ${quote(Object.keys(formats).join(' '))}`,
  ].join('\n')}\n`
}
