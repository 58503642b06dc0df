import { fail } from '../../core/errors.ts'
import type { Artifacts } from './artifacts.ts'
import { bucketArtifacts } from './bucket.ts'
import { parseBucketLocation } from './bucket-location.ts'
import { folderArtifacts } from './folder.ts'

/**
 * Opens the artifacts in a folder or, for an address such as `s3://bucket/prefix?endpoint=…&region=…`, in a bucket.
 * @throws GraftError `usage` for any other address
 */
export async function openArtifacts(location: string): Promise<Artifacts> {
  if (location.startsWith('s3://')) return bucketArtifacts(parseBucketLocation(location))
  if (!/^[a-z][a-z\d+.-]*:\/\//i.test(location)) return folderArtifacts(location)
  return fail('usage', {
    subject: 'the place of the artifacts',
    expected: 'a folder or s3://BUCKET/PREFIX',
    found: JSON.stringify(location.slice(0, location.indexOf('://') + 3)),
    fix: 'Other stores have an S3-compatible address, or can be mounted as a folder.',
  })
}
