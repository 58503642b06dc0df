import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describeValue } from '../core/describe.ts'
import { fail } from '../core/errors.ts'

/** A repository on the Hugging Face hub, and the branch, tag or commit that is wanted. */
export interface HubName {
  /** Such as `google-t5/t5-small`. */
  readonly repo: string
  readonly revision: string
}

/** The place on the hub from which a folder was downloaded. */
export interface HubOrigin {
  readonly repo: string
  /** The commit, 40 hexadecimal digits. */
  readonly commit: string
}

export const DEFAULT_REVISION = 'main'

/** Begins a text that can only be a name on the hub. */
export const HUB_PREFIX = 'hf:'
const PART = '[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?'
const NAME = new RegExp(`^(${PART}/${PART})(?:@(.+))?$`)
const MAX_REPO_CHARACTERS = 96
const MAX_REVISION_CHARACTERS = 255

/** Returns whether a text is the name of a commit: 40 hexadecimal digits. */
export const isCommit = (text: string): boolean => /^[0-9a-f]{40}$/.test(text)

/**
 * Returns the repository that a text names, or undefined if the text is the path of a folder. `hf:owner/name` is always
 * a repository. Any other path that exists is a folder, and so is every text that is not a valid `owner/name`. Both
 * forms may end in `@` and a revision.
 * @param folder the folder that paths are relative to. Defaults to the working folder
 * @throws GraftError `usage` for a text that begins with `hf:` and has no valid name
 */
export function parseHubName(text: string, folder = '.'): HubName | undefined {
  if (text.startsWith(HUB_PREFIX)) return parseName(text.slice(HUB_PREFIX.length)) ?? throwInvalid(text)
  return existsSync(resolve(folder, text)) ? undefined : parseName(text)
}

/**
 * Returns the repository that a text names, with or without `hf:`.
 * @throws GraftError `usage` for any other text
 */
export const requireHubName = (text: string): HubName =>
  parseName(text.startsWith(HUB_PREFIX) ? text.slice(HUB_PREFIX.length) : text) ?? throwInvalid(text)

/** Returns a repository at a commit as a text that {@link parseHubName} reads. */
export const formatHubOrigin = ({ repo, commit }: HubOrigin): string => `${HUB_PREFIX}${repo}@${commit}`

/** Parses a text that {@link formatHubOrigin} returned. @returns undefined for any other text */
export function parseHubOrigin(text: string): HubOrigin | undefined {
  const name = text.startsWith(HUB_PREFIX) ? parseName(text.slice(HUB_PREFIX.length)) : undefined
  return name && isCommit(name.revision) ? { repo: name.repo, commit: name.revision } : undefined
}

function parseName(text: string): HubName | undefined {
  const [, repo, revision = DEFAULT_REVISION] = NAME.exec(text) ?? []
  return repo !== undefined && isValidRepo(repo) && isValidRevision(revision) ? { repo, revision } : undefined
}

const isValidRepo = (repo: string): boolean => repo.length <= MAX_REPO_CHARACTERS && !/--|\.\./.test(repo)

/** Returns whether a revision is valid. It becomes a path within the cache, as branches such as `pr/1` do. */
const isValidRevision = (revision: string): boolean =>
  revision.length <= MAX_REVISION_CHARACTERS &&
  revision.split('/').every((part) => /^[A-Za-z0-9_][\w.-]*$/.test(part) && !part.includes('..'))

function throwInvalid(text: string): never {
  fail('usage', {
    subject: 'the name of a repository',
    expected: 'owner/name, with @ and a branch, a tag or a commit if it is not main',
    found: describeValue(text),
    fix: 'Copy the name from the page of the repository, such as google-t5/t5-small.',
  })
}

// The cache of huggingface_hub in Python: blobs by their digest, and a folder of links to them for each commit.

/** Returns the folder of a repository in a cache. */
export const repoFolder = (cache: string, repo: string): string => join(cache, `models--${repo.replace('/', '--')}`)

/** Returns the folder with the files of a commit in a cache. */
export const snapshotFolder = (cache: string, { repo, commit }: HubOrigin): string =>
  join(repoFolder(cache, repo), 'snapshots', commit)

/** Returns the origin of a folder of a cache of any program, or undefined for any other folder. */
export function originOfFolder(dir: string): HubOrigin | undefined {
  const [, name, commit] = /[/\\]models--([^/\\]+)[/\\]snapshots[/\\]([0-9a-f]{40})$/.exec(resolve(dir)) ?? []
  return name === undefined ? undefined : { repo: name.replace('--', '/'), commit }
}
