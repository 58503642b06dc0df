import { fail, GraftError } from '../../core/errors.ts'

/** The fields of the AWS SDK's errors that matter here. */
interface SdkError extends Error {
  code?: string
  $metadata?: { httpStatusCode?: number }
}

const FIXES: Readonly<Record<string, string>> = {
  NoSuchBucket: 'Create the bucket, or check the spelling.',
  AccessDenied:
    'Allow these credentials s3:GetObject, s3:PutObject, s3:DeleteObject, s3:ListBucket and s3:AbortMultipartUpload there.',
  InvalidAccessKeyId: 'Check AWS_ACCESS_KEY_ID.',
  SignatureDoesNotMatch: 'Check AWS_SECRET_ACCESS_KEY and the clock of this machine.',
  CredentialsProviderError:
    'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or any other source of credentials that the AWS SDK supports.',
}

/** Returns whether an object does not exist. A bucket that does not exist is a different error. */
export const isNotFound = (error: unknown): boolean => {
  const { name, $metadata } = error as SdkError
  return name === 'NoSuchKey' || name === 'NotFound' || (name !== 'NoSuchBucket' && $metadata?.httpStatusCode === 404)
}

/**
 * Converts an error of the AWS SDK, and throws other errors as they are.
 * @throws GraftError `artifacts_unavailable`
 */
export function throwUnavailable(subject: string, error: unknown): never {
  if (error instanceof GraftError) throw error
  const { name, message, code, $metadata } = error as SdkError
  // Errors of the local disk and bugs are not errors of the bucket.
  if (!$metadata && !(name in FIXES) && !isNetworkError(code, name)) throw error
  fail(
    'artifacts_unavailable',
    {
      subject: `the bucket ${subject}`,
      problem: `could not be used: ${[name === 'Error' ? code : name, message].filter(Boolean).join(': ')}`,
      fix: FIXES[name] ?? 'Check the endpoint, and that the storage is running, then try again.',
    },
    error,
  )
}

const isNetworkError = (code = '', name = ''): boolean =>
  /^(ECONN|ENOTFOUND|EAI_|EHOST|ENET|EPIPE|ETIMEDOUT|CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(
    code,
  ) ||
  name === 'TimeoutError' ||
  name === 'AggregateError'
