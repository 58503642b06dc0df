import { fail } from '../../core/errors.ts'
import type { ArtifactStorage } from './artifacts.ts'
import { openBucketStorage } from './bucket.ts'
import { parseBucketLocation } from './bucket-location.ts'
import { openFolderStorage } from './folder.ts'

/**
 * Opens the artifact storage in a folder, or in a bucket for an address such as
 * `s3://bucket/prefix?endpoint=…&region=…`.
 * @throws GraftError `usage` for any other address
 */
export async function openArtifactStorage(location: string): Promise<ArtifactStorage> {
  if (location.startsWith('s3://')) return openBucketStorage(parseBucketLocation(location))
  if (!/^[a-z][a-z\d+.-]*:\/\//i.test(location)) return openFolderStorage(location)
  return fail('usage', {
    subject: 'the address of the artifact storage',
    expected: 'a folder or s3://BUCKET/PREFIX',
    found: JSON.stringify(location.slice(0, location.indexOf('://') + 3)),
    fix: 'For other storage, use its S3-compatible address, or mount it as a folder.',
  })
}
