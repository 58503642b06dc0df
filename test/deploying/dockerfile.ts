import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../core/entry.ts'

/** The settings of an image, from the last stage of the Dockerfile. */
interface Image {
  user: string
  env: Record<string, string>
  entrypoint: string[]
  command: string[]
  healthCheck: string[]
  port: string
}

export function readDockerfile(): Image {
  const text = readFileSync(join(packageRoot, 'Dockerfile'), 'utf8').replace(/\\\n\s*/g, '')
  const lines = text.slice(text.lastIndexOf('\nFROM ')).split('\n')
  const said = (instruction: string): string => {
    const [line, ...more] = lines.filter((one) => one.startsWith(`${instruction} `))
    if (line === undefined || more.length > 0) throw new Error(`expected one ${instruction} in the last stage`)
    return line.slice(instruction.length + 1)
  }
  const list = (json: string) => JSON.parse(json) as string[]
  return {
    user: said('USER'),
    env: Object.fromEntries(
      said('ENV')
        .split(' ')
        .map((pair) => pair.split('=') as [string, string]),
    ),
    entrypoint: list(said('ENTRYPOINT')),
    command: list(said('CMD')),
    healthCheck: list(said('HEALTHCHECK').replace(/^.* CMD /, '')),
    port: said('EXPOSE'),
  }
}
