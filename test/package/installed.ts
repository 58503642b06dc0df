import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../../core/entry.ts'

const { name } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { name: string }

/** The name of the package on npm. */
export const packageName = name

/** The package as npm installs it in an empty folder. */
export interface Installed {
  folder: string
  /** The paths of the files in the tarball, with their sizes. */
  files: readonly { path: string; size: number }[]
  /** The environment of commands in the folder, with the Node of the tests in front. */
  env: NodeJS.ProcessEnv
}

const OFFLINE = /ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ENOTCACHED/

/**
 * Packs the package and installs the tarball without the scripts of dependencies, as an npm does that runs none. The
 * folder has the first of the sample reviews.
 * @returns a reason if the registry cannot be reached
 */
export async function installPackage(): Promise<Installed | { unreachable: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'installed-'))
  const npm = async (cwd: string, ...args: string[]) =>
    (await promisify(execFile)('npm', args, { cwd, maxBuffer: 1e8 })).stdout
  // The bundle is there already, because every test run makes it.
  const [packed] = JSON.parse(
    await npm(packageRoot, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder),
  )
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  try {
    await npm(folder, 'install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', packed.filename)
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string }
    const [unreachable] = OFFLINE.exec(stderr) ?? []
    if (unreachable !== undefined) return { unreachable }
    throw error
  }
  for (const part of ['train', 'test']) {
    const lines = readFileSync(join(packageRoot, `samples/${part}.jsonl`), 'utf8').split('\n')
    writeFileSync(join(folder, `${part}.jsonl`), `${lines.slice(0, 60).join('\n')}\n`)
  }
  const PATH = [dirname(process.execPath), process.env.PATH].join(delimiter)
  return {
    folder,
    files: packed.files,
    env: { ...process.env, PATH, DATABASE_URL: '', GRAFT_HOME: join(folder, 'home') },
  }
}
