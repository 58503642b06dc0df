import { fail } from '../../core/errors.ts'

/** Which bucket, and where in it. Credentials are not part of it: they come from where the AWS SDK looks for them. */
export interface BucketLocation {
  readonly bucket: string
  /** Before every key: empty, or with a slash at its end. */
  readonly prefix: string
  readonly endpoint?: string
  readonly region?: string
  /** Whether the bucket's name goes into the path rather than the host's name. */
  readonly pathStyle: boolean
}

const settings = ['endpoint', 'region', 'path_style']

/**
 * Reads `s3://bucket/prefix?endpoint=http://host:9000&region=eu-central-1&path_style=true`. All but the bucket may be left out.
 * @param env the endpoint and the region that the AWS SDK would take from there
 * @throws GraftError `usage`
 */
export function parseBucketLocation(text: string, env: NodeJS.ProcessEnv = process.env): BucketLocation {
  const url = URL.parse(text) ?? wrong('s3://BUCKET/PREFIX', 'something else')
  if (url.username || url.password) wrong('no credentials', 'some', 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.')
  for (const name of url.searchParams.keys())
    if (!settings.includes(name)) wrong(`only the settings ${settings.join(', ')}`, name)
  if (!/^[\w.-]{3,255}$/.test(url.hostname) || url.port) wrong('the name of a bucket after s3://', url.host || 'none')

  const given = (name: string) => url.searchParams.get(name) ?? undefined
  const endpoint = given('endpoint') ?? env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL
  if (endpoint !== undefined && !/^https?:$/.test(URL.parse(endpoint)?.protocol ?? ''))
    wrong('an http or https address as endpoint', JSON.stringify(endpoint))
  const style = given('path_style') ?? String(endpoint !== undefined)
  if (style !== 'true' && style !== 'false') wrong('path_style to be true or false', JSON.stringify(style))
  const prefix = decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, '')
  return {
    bucket: url.hostname,
    prefix: prefix && `${prefix}/`,
    endpoint,
    // Stores other than Amazon's mostly have no regions, but a signature needs the name of one.
    region: given('region') ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? (endpoint ? 'us-east-1' : undefined),
    pathStyle: style === 'true',
  }
}

/** How errors name it. */
export const nameOf = ({ bucket, prefix }: BucketLocation): string => `s3://${bucket}/${prefix}`

function wrong(
  expected: string,
  found: string,
  fix = 'Such as s3://my-bucket/graft?endpoint=https://storage.example&region=eu-central-1.',
): never {
  fail('usage', { subject: 'the address of the bucket', expected, found, fix })
}
