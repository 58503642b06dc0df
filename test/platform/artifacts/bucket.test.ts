import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import {
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { beforeAll, describe, expect, test } from 'vitest'
import { DAY_MS } from '../../../core/durations.ts'
import { keyOf } from '../../../platform/artifacts/artifacts.ts'
import { openBucketStorage } from '../../../platform/artifacts/bucket.ts'
import { parseBucketLocation } from '../../../platform/artifacts/bucket-location.ts'
import { openArtifactStorage } from '../../../platform/artifacts/open-artifacts.ts'
import { expectError } from '../../checkpoint/helpers.ts'
import { without } from '../../s3-server/start.ts'
import { all, freshBucket, freshPath, hasS3, s3Client } from './places.ts'

test('an address names a bucket, a prefix and settings', () => {
  const text = 's3://graft/kept/here/?endpoint=http://127.0.0.1:9000&region=eu-central-1'
  expect(parseBucketLocation(text, {})).toEqual({
    bucket: 'graft',
    prefix: 'kept/here/',
    endpoint: 'http://127.0.0.1:9000',
    region: 'eu-central-1',
    pathStyle: true,
  })
  expect(parseBucketLocation('s3://graft', {})).toMatchObject({ prefix: '', region: undefined, pathStyle: false })
  expect(parseBucketLocation(`${text}&path_style=false`, {})).toMatchObject({ pathStyle: false })
})

test('the endpoint and the region default to those of the environment', () => {
  const env = { AWS_ENDPOINT_URL: 'https://storage.example', AWS_REGION: 'here' }
  const location = { endpoint: 'https://storage.example', region: 'here', pathStyle: true }
  expect(parseBucketLocation('s3://graft', env)).toMatchObject(location)
  expect(
    parseBucketLocation('s3://graft?region=there', { ...env, AWS_ENDPOINT_URL_S3: 'http://s3.example' }),
  ).toMatchObject({ endpoint: 'http://s3.example', region: 'there' })
})

test.each([
  ['s3://', 'a bucket name'],
  ['s3://graft:9000/kept', 'a bucket name', 'graft:9000'],
  ['s3://key:secret@graft', 'no credentials', 'AWS_SECRET_ACCESS_KEY'],
  ['s3://graft?endpoint=127.0.0.1:9000', 'http or https', '127.0.0.1:9000'],
  ['s3://graft?path_style=1', 'true or false', '"1"'],
  ['s3://graft?acl=public', 'endpoint, region, path_style', 'acl'],
  ['gs://graft', 's3://BUCKET/PREFIX', 'gs://'],
])('the address %s is refused', async (address, ...words) => {
  await expectError(openArtifactStorage(address), 'usage', ...words)
})

test('the error of a server that does not answer names the bucket', async () => {
  const artifacts = await openArtifactStorage('s3://graft/kept?endpoint=http://127.0.0.1:9')
  await expectError(
    artifacts.put([Buffer.from('content')]),
    'artifacts_unavailable',
    's3://graft/kept/',
    'ECONNREFUSED',
  )
})

test.each([
  [2, 'is read again'],
  [3, 'is unavailable'],
])('an object whose connection broke %i times %s', async (breaks) => {
  const content = Buffer.from('content')
  let requests = 0
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-length': content.length })
    if (++requests > breaks) return response.end(content)
    return response.write(content.subarray(0, 3), () => response.destroy())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  try {
    const { port } = server.address() as AddressInfo
    const artifacts = await openArtifactStorage(`s3://graft?endpoint=http://127.0.0.1:${port}`)
    const digest = createHash('sha256').update(content).digest('hex')
    if (breaks === 2) expect(await buffer((await artifacts.get(digest)).content)).toEqual(content)
    else await expectError(artifacts.get(digest), 'artifacts_unavailable', 's3://graft/', 'ECONNRESET')
    expect(requests).toBe(3)
  } finally {
    server.close()
  }
})

describe.skipIf(!hasS3)(`a bucket${without}`, () => {
  let location: Awaited<ReturnType<typeof freshBucket>>
  beforeAll(async () => {
    location = await freshBucket()
  })

  test('the error of a bucket that does not exist says so', async () => {
    const artifacts = await openBucketStorage({ ...location, bucket: 'elsewhere' })
    const digest = 'ab'.repeat(32)
    await expectError(artifacts.put([]), 'artifacts_unavailable', 'NoSuchBucket', 'Create the bucket')
    await expectError(artifacts.get(digest), 'artifacts_unavailable', 'NoSuchBucket')
    await expectError(all(artifacts.list()), 'artifacts_unavailable', 'NoSuchBucket')
  })

  test('objects have the prefix, and the SHA-256 that the server can check', async () => {
    const artifacts = await openBucketStorage(location)
    const { digest } = await artifacts.put([Buffer.from('content')])
    const Key = `kept/here/${keyOf(digest)}`
    const found = await s3Client().send(
      new HeadObjectCommand({ Bucket: location.bucket, Key, ChecksumMode: 'ENABLED' }),
    )
    expect(found.ChecksumSHA256).toBe(Buffer.from(digest, 'hex').toString('base64'))
    await s3Client().send(new PutObjectCommand({ Bucket: location.bucket, Key: `kept/here/notes`, Body: 'text' }))
    await s3Client().send(new PutObjectCommand({ Bucket: location.bucket, Key: keyOf(digest), Body: 'text' }))
    expect(await all(artifacts.list())).toMatchObject([{ digest, bytes: 7 }])
  })

  test('a list of several pages is complete', async () => {
    const artifacts = await openBucketStorage({ ...location, prefix: 'many/' })
    for (let n = 0; n < 1010; n += 101)
      await Promise.all(Array.from({ length: 101 }, (_, i) => artifacts.put([Buffer.from(`${n + i}`)])))
    expect(await all(artifacts.list())).toHaveLength(1010)
  })

  test('unfinished uploads are aborted when they are old', async () => {
    const { bucket: Bucket } = location
    const of = { Bucket, Key: `kept/here/${keyOf('cd'.repeat(32))}` }
    const pending = async () => (await s3Client().send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? []
    await s3Client().send(new CreateMultipartUploadCommand(of))
    // The test server dates every unfinished upload to 2010.
    const decades = 30 * 365 * DAY_MS
    await (await openBucketStorage(location, { staleAfterMs: decades })).put([Buffer.from('content')])
    expect(await pending()).toHaveLength(1)
    await (await openBucketStorage(location)).put([Buffer.from('content')])
    expect(await pending()).toEqual([])
  })

  test('a large upload that fails leaves no parts behind', async () => {
    const { bucket: Bucket } = location
    const artifacts = await openBucketStorage({ ...location, bucket: 'elsewhere' })
    const large = Array.from({ length: 17 }, (_, n) => Buffer.alloc(1024 * 1024, n))
    await expectError(artifacts.put(large), 'artifacts_unavailable', 'NoSuchBucket')
    expect((await s3Client().send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? []).toEqual([])
  })

  test('a folder for temporary files that does not exist is not an error of the bucket', async () => {
    const artifacts = await openBucketStorage(location, { spool: freshPath('nowhere') })
    await expect(artifacts.put([])).rejects.toThrow('ENOENT')
  })
})
