import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, inject } from 'vitest'
import { layOut } from '../../bench/laid-out.ts'
import { type Running, watched } from '../cli/run.ts'
import { readDockerfile } from './dockerfile.ts'

const NAMESPACE = ['unshare', '--pid', '--fork', '--kill-child']
const isRoot = process.getuid?.() === 0

/** Whether a process may be the first of a namespace here, as it is in a container. */
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
const laidOut = layOut(hasNamespaces ? NAMESPACE : [])
afterAll(() => laidOut.remove())

/** What is in the image, which whoever runs in it may not write. */
export const { graft } = laidOut

export interface Container extends Running {
  /** As `docker stop` does it, and without killing it after a while. */
  stop(): void
}

/** Runs the image with these arguments in place of its command, and with its volume here. */
export function run(args: readonly string[], volume: string, env: Readonly<Record<string, string>> = {}): Container {
  const child = laidOut.node([join(graft, 'dist/cli/main.js'), ...args], {
    ...image.env,
    GRAFT_HOME: volume,
    TMPDIR: volume,
    ...env,
  })
  const inNamespace = () => Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8'))
  const stop = () => void process.kill(hasNamespaces ? inNamespace() : (child.pid as number), 'SIGTERM')
  return Object.assign(watched(child), { stop })
}

/** Runs the health check of the image. @returns its exit code */
export async function healthCheck(port: number): Promise<number | null> {
  const args = image.healthCheck.slice(1).map((arg) => arg.replaceAll(image.port, String(port)))
  return (await watched(laidOut.node(args, {})).ended).code
}

const folders = mkdtempSync(join(tmpdir(), 'graft-containers-'))
chmodSync(folders, 0o755)
afterAll(() => rmSync(folders, { recursive: true, force: true }))

/** A folder that containers share, or that one has to itself. */
export function sharedFolder(): string {
  const folder = mkdtempSync(join(folders, 'shared-'))
  if (isRoot) chownSync(folder, 1000, 1000)
  return folder
}

/** A volume with the tables of an embedded database, which it takes seconds to make. */
export function freshVolume(): string {
  const volume = sharedFolder()
  cpSync(inject('embeddedTemplate'), volume, { recursive: true })
  if (isRoot) execFileSync('chown', ['-R', '1000:1000', volume])
  return volume
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, () => resolve()))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
