import { fail, GraftError } from '../../core/errors.ts'

/** What the AWS SDK throws, as far as it is looked at. */
interface SdkError extends Error {
  code?: string
  $metadata?: { httpStatusCode?: number }
}

const fixes: Readonly<Record<string, string>> = {
  NoSuchBucket: 'Create the bucket, or mind the spelling.',
  AccessDenied:
    'Allow these credentials s3:GetObject, s3:PutObject, s3:DeleteObject, s3:ListBucket and s3:AbortMultipartUpload there.',
  InvalidAccessKeyId: 'Check AWS_ACCESS_KEY_ID.',
  SignatureDoesNotMatch: 'Check AWS_SECRET_ACCESS_KEY and the clock of this machine.',
  CredentialsProviderError:
    'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or any other source of credentials that the AWS SDK knows.',
}

/** Whether the store says that it has no such object; a store without such a bucket says something else. */
export const isAbsent = (error: unknown): boolean => {
  const { name, $metadata } = error as SdkError
  return name === 'NoSuchKey' || name === 'NotFound' || (name !== 'NoSuchBucket' && $metadata?.httpStatusCode === 404)
}

/** @throws GraftError `artifacts_unavailable` in place of what the SDK throws, with how to fix it */
export function unavailable(subject: string, error: unknown): never {
  if (error instanceof GraftError) throw error
  const { name, message, code, $metadata } = error as SdkError
  // Failures of the local disk and faults of our own are not the bucket's.
  if (!$metadata && !(name in fixes) && !isOfNetwork(code, name)) throw error
  fail(
    'artifacts_unavailable',
    {
      subject,
      expected: 'a bucket that answers and allows this',
      found: [name === 'Error' ? code : name, message].filter(Boolean).join(': '),
      fix: fixes[name] ?? 'Check the endpoint and that the store runs; then try again.',
    },
    error,
  )
}

const isOfNetwork = (code = '', name = ''): boolean =>
  /^(ECONN|ENOTFOUND|EAI_|EHOST|ENET|EPIPE|ETIMEDOUT|CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(
    code,
  ) ||
  name === 'TimeoutError' ||
  name === 'AggregateError'
