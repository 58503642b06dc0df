import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll } from 'vitest'
import { type Artifacts, keyOf } from '../../../platform/artifacts/artifacts.ts'
import { bucketArtifacts } from '../../../platform/artifacts/bucket.ts'
import { type BucketLocation, parseBucketLocation } from '../../../platform/artifacts/bucket-location.ts'
import { folderArtifacts } from '../../../platform/artifacts/folder.ts'
import { startS3, without } from '../../s3-server/start.ts'

const folder = mkdtempSync(join(tmpdir(), 'graft-artifacts-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let made = 0

/** A path at which there is nothing yet; it goes when the tests end. */
export const freshPath = (name = 'place'): string => join(folder, `${made++}-${name}`)

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

/** An empty store of one kind, with what tests do behind its back. */
export interface Place {
  artifacts: Artifacts
  /** The same place as another process would open it. */
  again: () => Promise<Artifacts>
  damage: (digest: string, bytes: Uint8Array) => Promise<void>
}

export interface Kind {
  name: string
  isHere: boolean
  open: () => Promise<Place>
}

export const s3 = await startS3()
afterAll(() => s3?.stop())
Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' })

export const s3Client = (): S3Client =>
  new S3Client({ endpoint: s3?.endpoint, region: 'us-east-1', forcePathStyle: true })

/** A bucket with nothing in it. */
export async function freshBucket(): Promise<BucketLocation> {
  const Bucket = `bucket-${made++}`
  await s3Client().send(new CreateBucketCommand({ Bucket }))
  return parseBucketLocation(`s3://${Bucket}/kept/here?endpoint=${s3?.endpoint}`)
}

export const kinds: Kind[] = [
  {
    name: 'a folder',
    isHere: true,
    open: async () => {
      const dir = freshPath()
      const again = () => folderArtifacts(dir)
      const damage = async (digest: string, bytes: Uint8Array) => {
        chmodSync(join(dir, keyOf(digest)), 0o644)
        writeFileSync(join(dir, keyOf(digest)), bytes)
      }
      return { artifacts: await again(), again, damage }
    },
  },
  {
    name: `a bucket${without}`,
    isHere: s3 !== undefined,
    open: async () => {
      const location = await freshBucket()
      const again = () => bucketArtifacts(location, { spool: folder })
      const damage = async (digest: string, Body: Uint8Array) => {
        const { bucket: Bucket, prefix } = location
        await s3Client().send(new PutObjectCommand({ Bucket, Key: prefix + keyOf(digest), Body }))
      }
      return { artifacts: await again(), again, damage }
    },
  },
]
