import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describeValue } from '../../core/describe.ts'
import { fail } from '../../core/errors.ts'

/** How this process reaches the Hugging Face hub, and where it keeps downloads. */
export interface HubSettings {
  /** The address of the hub, without a slash at the end. */
  readonly endpoint: string
  /** The folder of all downloads, shared with Python's huggingface_hub. */
  readonly cache: string
  readonly token?: string
  /** True to use only the cache. */
  readonly offline: boolean
  /** The number of times that a request is sent. Defaults to 5. */
  readonly attempts?: number
  /** The longest wait for a response, or for more of it. Defaults to half a minute. */
  readonly timeoutMs?: number
  /** The pause before the first repetition of a request. It doubles with each. Defaults to half a second. */
  readonly retryMs?: number
}

type Environment = Readonly<Record<string, string | undefined>>

const HUB = 'https://huggingface.co'

/**
 * Reads the environment variables of Python's huggingface_hub: HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH,
 * HF_HUB_DISABLE_IMPLICIT_TOKEN, HF_HUB_OFFLINE, HF_HUB_CACHE and HF_HOME. An empty one counts as not set.
 * @throws GraftError `usage` if HF_ENDPOINT is not an address, or HF_TOKEN or the stored token not a token
 */
export function readHubSettings(env: Environment = process.env): HubSettings {
  const token = readToken(env)
  return {
    endpoint: readEndpoint(env.HF_ENDPOINT || HUB),
    cache: cacheFolder(env),
    ...(token && { token }),
    offline: isOn(env.HF_HUB_OFFLINE),
  }
}

const isOn = (value: string | undefined): boolean => ['1', 'on', 'yes', 'true'].includes(value?.toLowerCase() ?? '')

/** Returns the token of HF_TOKEN, or else the one that `hf auth login` stored. */
function readToken(env: Environment): string | undefined {
  if (isOn(env.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return undefined
  const token = env.HF_TOKEN?.trim()
  if (token) return checkToken(token, 'HF_TOKEN', 'Set it to one token, such as hf_….')
  const path = env.HF_TOKEN_PATH || join(homeFolder(env), 'token')
  const stored = readTokenFile(path).trim()
  return stored ? checkToken(stored, path, 'Store one again with hf auth login, or set HF_TOKEN.') : undefined
}

/** Returns the content of a file, or an empty text if it does not exist. */
function readTokenFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return ''
    return fail(
      'usage',
      {
        subject: path,
        problem: `cannot be read (${code}), although hf auth login keeps its token there`,
        fix: 'Fix the permissions of the file, or set HF_TOKEN.',
      },
      error,
    )
  }
}

/** @throws GraftError `usage`. The value must not be in an error, and a header could not contain it */
function checkToken(token: string, subject: string, fix: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token
  const problem = 'contains a space or another character that a token cannot have'
  return fail('usage', { subject, problem, fix })
}

function readEndpoint(text: string): string {
  const url = URL.parse(text)
  if (url && /^https?:$/.test(url.protocol) && !url.search && !url.hash && !url.username)
    return url.href.replace(/\/+$/, '')
  return fail('usage', {
    subject: 'HF_ENDPOINT',
    expected: `the address of a hub, such as ${HUB}`,
    found: describeValue(text),
    fix: 'Correct the environment variable, or remove it to use the public hub.',
  })
}

const cacheFolder = (env: Environment): string => env.HF_HUB_CACHE || join(homeFolder(env), 'hub')

const homeFolder = (env: Environment): string =>
  env.HF_HOME || join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'huggingface')
