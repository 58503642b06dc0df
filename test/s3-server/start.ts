import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { hasPeer } from '../peers.ts'

const program = join(import.meta.dirname, '.venv/bin/moto_server')
const isInstalled = hasPeer(program)

/** For the names of tests that need the server. */
export const without = isInstalled ? '' : ' (skipped: no test/s3-server/.venv; test/s3-server/setup.sh installs it)'

export interface S3Server {
  endpoint: string
  stop: () => void
}

/** Starts moto's S3 without buckets on a free port. Returns undefined if moto is not installed. */
export async function startS3(): Promise<S3Server | undefined> {
  if (!isInstalled) return undefined
  const server = spawn(program, ['-H', '127.0.0.1', '-p', '0'], { stdio: ['ignore', 'ignore', 'pipe'] })
  const lines: string[] = []
  for await (const line of createInterface(server.stderr)) {
    lines.push(line)
    const endpoint = line.match(/Running on (http:\/\/\S+)/)?.[1]
    if (!endpoint) continue
    // It logs every request, and would stop at a pipe that nobody empties.
    server.stderr.resume()
    return { endpoint, stop: () => server.kill() }
  }
  throw new Error(`the S3 server did not start:\n${lines.join('\n')}`)
}
