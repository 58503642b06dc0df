import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { inject } from 'vitest'
import { freshPath } from '../checkpoint/helpers.ts'
import { type GraftProcess, watchProcess } from '../cli/run.ts'
import { giveToUser } from '../user.ts'
import { deployment } from './deployment.ts'
import { readDockerfile } from './dockerfile.ts'

const NAMESPACE = ['unshare', '--pid', '--fork', '--kill-child']

/** True if a process can be the first of a namespace here, as it is in a container. */
const hasNamespaces = (() => {
  try {
    execFileSync(NAMESPACE[0], [...NAMESPACE.slice(1), 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

/** For the names of tests. */
export const asProcess1 = hasNamespaces ? ' as process 1' : ' (not as process 1: unshare may not be used here)'

export const image = readDockerfile()

/** The files of the image, which are read-only for its processes. */
export const { graft } = deployment

/** Starts Node as a container does. */
const startNode = (args: readonly string[], env: Readonly<Record<string, string>>) =>
  deployment.startNode(args, env, hasNamespaces ? NAMESPACE : [])

export interface Container extends GraftProcess {
  /** As `docker stop` does it, and without killing it after a while. */
  stop(): void
}

/** Runs the image with these arguments in place of its command, and with its volume here. */
export function run(args: readonly string[], volume: string, env: Readonly<Record<string, string>> = {}): Container {
  const child = startNode([join(graft, 'bin/graft.cjs'), ...args], {
    ...image.env,
    GRAFT_HOME: volume,
    TMPDIR: volume,
    ...env,
  })
  const inNamespace = () => Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8'))
  const stop = () => void process.kill(hasNamespaces ? inNamespace() : (child.pid as number), 'SIGTERM')
  return Object.assign(watchProcess(child), { stop })
}

/** Runs the health check of the image. @returns its exit code */
export async function healthCheck(port: number): Promise<number | null> {
  const args = image.healthCheck.slice(1).map((arg) => arg.replaceAll(image.port, String(port)))
  return (await watchProcess(startNode(args, {})).exited).code
}

/** A folder that containers share, or that one has to itself. */
export function sharedFolder(): string {
  const folder = freshPath('shared')
  mkdirSync(folder, { recursive: true })
  giveToUser(folder)
  return folder
}

/** A volume with the tables of an embedded database, which it takes seconds to make. */
export function freshVolume(): string {
  const volume = sharedFolder()
  cpSync(inject('embeddedTemplate'), volume, { recursive: true })
  giveToUser(volume)
  return volume
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, () => resolve()))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
