import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface FakeFile {
  content: Buffer
  /** The digest that git or Git LFS names the content by. */
  oid: string
  lfs: boolean
}

export interface FakeRepo {
  name: string
  /** Readable only with a token, and listed as gated. */
  gated: boolean
  /** Readable only with a token, and otherwise hidden. */
  private: boolean
  /** Commits by branch or tag. */
  refs: Map<string, string>
  commits: Map<string, Map<string, FakeFile>>
}

export const sha256Of = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex')

const gitOidOf = (content: Uint8Array): string =>
  createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')

export function toFile(name: string, content: Buffer): FakeFile {
  const lfs = /\.(safetensors|bin|model|msgpack|h5)$/.test(name)
  return { content, lfs, oid: lfs ? sha256Of(content) : gitOidOf(content) }
}

export const makeRepo = (name: string): FakeRepo => ({
  name,
  gated: false,
  private: false,
  refs: new Map(),
  commits: new Map(),
})

/** Adds a commit with these files to the ones that a branch has. @returns the commit */
export function addCommit(repo: FakeRepo, branch: string, files: Readonly<Record<string, Buffer>>): string {
  const before = repo.commits.get(repo.refs.get(branch) ?? '') ?? new Map<string, FakeFile>()
  const tree = new Map([
    ...before,
    ...Object.entries(files).map(([name, content]) => [name, toFile(name, content)] as const),
  ])
  const commit = createHash('sha1')
    .update(JSON.stringify([repo.name, repo.commits.size, [...tree].map(([name, { oid }]) => [name, oid])]))
    .digest('hex')
  repo.commits.set(commit, tree)
  repo.refs.set(branch, commit)
  return commit
}

/** Reads the files in a folder. */
export const filesIn = (dir: string): Record<string, Buffer> =>
  Object.fromEntries(
    readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => [name, readFileSync(join(dir, name))]),
  )
