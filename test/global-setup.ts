import { execFile } from 'node:child_process'
import { chmodSync, globSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { TestProject } from 'vitest/node'
import { packageRoot } from '../core/entry.ts'
import { findLauncher } from '../platform/store/embedded/launcher.ts'
import { openStore } from '../platform/store/open-store.ts'
import { openPglite } from '../platform/store/pglite/open-pglite.ts'
import type { Store } from '../platform/store/store.ts'
import { startS3 } from './s3-server/start.ts'
import { softwareVulkanEnv } from './software-vulkan.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The home of an embedded database without rows. Tests copy it, because that is faster than creating one. */
    embeddedTemplate: string
    /** The home of a database of PGlite without rows. */
    pgliteTemplate: string
    /** Why the embedded database is PGlite on this machine. Empty if it is PostgreSQL. */
    whyPglite: string
    /** The address of an S3 server for all test files, if it is installed. */
    s3Endpoint: string | undefined
  }
}

/** Prepares what all test files share. The processes of the tests inherit the environment that is set here. */
export async function setup(project: TestProject): Promise<() => void> {
  const folder = makeRunFolder()
  process.env.TMPDIR = folder
  // Processes that run TypeScript directly start in a third of the time.
  process.env.NODE_COMPILE_CACHE ??= join(folder, 'compile-cache')
  // A driver reads the environment that its process starts with.
  Object.assign(process.env, softwareVulkanEnv(process.env))
  const [s3, templates] = await Promise.all([startS3(), makeBundle().then(() => makeTemplates(folder))])
  for (const [name, value] of Object.entries(templates)) project.provide(name as keyof typeof templates, value)
  project.provide('s3Endpoint', s3?.endpoint)
  // Processes of the tests may write to the folder until they end, which is after the end of this run's tests.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return () => s3?.stop()
}

/** Creates the temporary folder of this run. Its path is short, for sockets, and other users may enter it. */
function makeRunFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tests-'))
  chmodSync(folder, 0o755)
  return folder
}

/** Bundles the programs, which tests start as a user does, unless the bundle is newer than every source. */
async function makeBundle(): Promise<void> {
  const changedAt = (path: string) => statSync(join(packageRoot, path), { throwIfNoEntry: false })?.mtimeMs ?? 0
  const sources = globSync(
    '{core,graph,model,checkpoint,training,serving,platform,server,mcp,cli,library,client}/**/*.ts',
    {
      cwd: packageRoot,
    },
  )
  const inputs = [
    ...sources,
    'tools/build.mjs',
    'tools/write-build.ts',
    'tools/write-declarations.mjs',
    'tools/externals.mjs',
    'package-lock.json',
  ]
  if (changedAt('dist/cli/main.js') > Math.max(...inputs.map(changedAt))) return
  await promisify(execFile)(process.execPath, [join(packageRoot, 'tools/build.mjs')], { cwd: packageRoot })
}

async function makeTemplates(folder: string) {
  const [embeddedTemplate, pgliteTemplate] = [join(folder, 'embedded'), join(folder, 'pglite')]
  for (const home of [embeddedTemplate, pgliteTemplate]) mkdirSync(home)
  const close = async (opening: Promise<Store>) => (await opening).close()
  const [whyPglite] = await Promise.all([
    findLauncher(embeddedTemplate).then(
      () => '',
      (error: Error) => error.message,
    ),
    close(openStore({ databaseUrl: '', home: embeddedTemplate })),
    close(openPglite(pgliteTemplate)),
  ])
  return { embeddedTemplate, pgliteTemplate, whyPglite }
}
