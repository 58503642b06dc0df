import { fail } from '../../core/errors.ts'
import type { HubSettings } from './settings.ts'

/** The longest part of a message of the hub that an error contains. */
const MAX_MESSAGE_CHARACTERS = 200

/** The codes in the header `X-Error-Code` for things that do not exist. */
const MISSING: Readonly<Record<string, string>> = {
  RepoNotFound: 'does not exist on the hub, or is private',
  RevisionNotFound: 'does not have this revision',
  EntryNotFound: 'does not have this file',
}

/**
 * Throws the error that a response of the hub means.
 * @param subject the repository
 * @param text the body of the response
 * @throws GraftError `hub_denied`, `hub_missing`, `hub_unavailable`, `hub_refused`
 */
export function throwHubResponse(
  { status, headers }: Response,
  text: string,
  subject: string,
  { endpoint, token }: HubSettings,
): never {
  const code = headers.get('x-error-code') ?? ''
  const message = headers.get('x-error-message') ?? readMessage(text)
  if (code === 'GatedRepo')
    fail('hub_denied', {
      subject,
      problem: 'is gated: its owner must allow you to read it',
      fix: `Ask for access at ${endpoint}/${subject}, then set HF_TOKEN to a token of your account.`,
    })
  // The hub also responds with 401 for a repository that does not exist, so as not to reveal private ones.
  if (Object.hasOwn(MISSING, code) || status === 404 || (status === 401 && !token))
    fail('hub_missing', {
      subject,
      problem: MISSING[code] ?? MISSING.RepoNotFound,
      fix: `Check the name and the revision at ${endpoint}/${subject}.${token ? '' : ' If it is private, set HF_TOKEN.'}`,
    })
  if (status === 401)
    fail('hub_denied', {
      subject: 'HF_TOKEN',
      problem: 'is not a valid token of the hub',
      fix: `Create a token at ${endpoint}/settings/tokens, or remove HF_TOKEN to read public repositories.`,
    })
  if (status === 403)
    fail('hub_denied', {
      subject,
      problem: `may not be used in this way${token ? ' with the token in HF_TOKEN' : ' without a token'}${quote(message)}`,
      fix: `Use a token with the right to do this. ${endpoint}/settings/tokens shows the rights of yours.`,
    })
  if (status === 429 || status >= 500)
    fail('hub_unavailable', {
      subject: endpoint,
      problem: `responded with ${status} to every attempt${quote(message)}`,
      fix: status === 429 ? 'Wait a few minutes and try again. With HF_TOKEN, limits are higher.' : FIX_LATER,
    })
  fail('hub_refused', {
    subject,
    problem: `got the response ${status} from the hub${quote(message)}`,
    fix: 'Change what the hub objects to, then run the command again.',
  })
}

const FIX_LATER = 'Try again later. What was downloaded so far is kept.'

/** @throws GraftError `hub_unavailable` */
export function throwUnreachable({ endpoint }: HubSettings, reason: string, cause: unknown): never {
  fail(
    'hub_unavailable',
    {
      subject: endpoint,
      problem: `could not be reached: ${reason}`,
      fix: `Check the network and HF_ENDPOINT. ${FIX_LATER}`,
    },
    cause,
  )
}

/** @throws GraftError `hub_corrupt` */
export function throwCorruptDownload(subject: string, expected: string, found: string): never {
  fail('hub_corrupt', {
    subject,
    expected,
    found,
    fix: 'Run the command again. If this happens again, a proxy or a mirror (HF_ENDPOINT) changes what it delivers.',
  })
}

function readMessage(text: string): string {
  try {
    const { error, message } = JSON.parse(text) as { error?: unknown; message?: unknown }
    return String(error ?? message ?? '')
  } catch {
    return ''
  }
}

/** Quotes a message of the hub on one line, without characters that control a terminal. */
const quote = (message: string): string =>
  message === '' ? '' : `: ${JSON.stringify(message.slice(0, MAX_MESSAGE_CHARACTERS))}`
