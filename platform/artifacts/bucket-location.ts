import { fail } from '../../core/errors.ts'

/** A place in a bucket. Credentials are not part of it, because the AWS SDK finds them. */
export interface BucketLocation {
  readonly bucket: string
  /** The prefix of every key. It is empty or ends with a slash. */
  readonly prefix: string
  readonly endpoint?: string
  readonly region?: string
  /** Puts the bucket's name into the path of the URL instead of the host name. */
  readonly pathStyle: boolean
}

const SETTINGS = ['endpoint', 'region', 'path_style']

/**
 * Parses an address such as `s3://bucket/prefix?endpoint=http://host:9000&region=eu-central-1&path_style=true`. Only
 * the bucket is required.
 * @param env the environment from which the AWS SDK would take the endpoint and the region
 * @throws GraftError `usage`
 */
export function parseBucketLocation(text: string, env: NodeJS.ProcessEnv = process.env): BucketLocation {
  const url = URL.parse(text) ?? throwInvalidLocation('s3://BUCKET/PREFIX', 'an address that cannot be parsed')
  if (url.username || url.password)
    throwInvalidLocation('no credentials', 'credentials', 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.')
  for (const name of url.searchParams.keys())
    if (!SETTINGS.includes(name)) throwInvalidLocation(`only the settings ${SETTINGS.join(', ')}`, name)
  if (!/^[\w.-]{3,255}$/.test(url.hostname) || url.port)
    throwInvalidLocation('a bucket name after s3://', url.host || 'none')

  const setting = (name: string) => url.searchParams.get(name) ?? undefined
  const endpoint = setting('endpoint') ?? env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL
  if (endpoint !== undefined && !/^https?:$/.test(URL.parse(endpoint)?.protocol ?? ''))
    throwInvalidLocation('an http or https URL as endpoint', JSON.stringify(endpoint))
  const style = setting('path_style') ?? String(endpoint !== undefined)
  if (style !== 'true' && style !== 'false')
    throwInvalidLocation('path_style to be true or false', JSON.stringify(style))
  const prefix = decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, '')
  return {
    bucket: url.hostname,
    prefix: prefix && `${prefix}/`,
    endpoint,
    // Most storage other than Amazon's has no regions, but a signature needs the name of one.
    region: setting('region') ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? (endpoint ? 'us-east-1' : undefined),
    pathStyle: style === 'true',
  }
}

/** Formats a location for errors. */
export const formatLocation = ({ bucket, prefix }: BucketLocation): string => `s3://${bucket}/${prefix}`

function throwInvalidLocation(
  expected: string,
  found: string,
  fix = 'An example is s3://my-bucket/graft?endpoint=https://storage.example&region=eu-central-1.',
): never {
  fail('usage', { subject: 'the address of the bucket', expected, found, fix })
}
