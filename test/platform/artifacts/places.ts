import { randomUUID } from 'node:crypto'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { inject } from 'vitest'
import { type ArtifactStorage, keyOf } from '../../../platform/artifacts/artifacts.ts'
import { openBucketStorage } from '../../../platform/artifacts/bucket.ts'
import { type BucketLocation, parseBucketLocation } from '../../../platform/artifacts/bucket-location.ts'
import { openFolderStorage } from '../../../platform/artifacts/folder.ts'
import { freshPath as pathWithoutFolder } from '../../checkpoint/helpers.ts'
import { without } from '../../s3-server/start.ts'

/** Returns a path at which nothing exists yet, in a folder that exists. It is removed after the test file. */
export function freshPath(name = 'place'): string {
  const path = pathWithoutFolder(name)
  mkdirSync(dirname(path), { recursive: true })
  return path
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = []
  for await (const item of items) collected.push(item)
  return collected
}

/** Empty artifact storage of one kind, with ways for tests to tamper with it. */
export interface Place {
  artifacts: ArtifactStorage
  /** Opens the same storage again, as another process would. */
  again: () => Promise<ArtifactStorage>
  damage: (digest: string, bytes: Uint8Array) => Promise<void>
}

export interface Kind {
  name: string
  isHere: boolean
  open: () => Promise<Place>
}

const endpoint = inject('s3Endpoint')
/** True if an S3 server is running. */
export const hasS3: boolean = endpoint !== undefined
Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' })

export const s3Client = (): S3Client => new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true })

/** Makes an empty bucket. */
export async function freshBucket(): Promise<BucketLocation> {
  const Bucket = `bucket-${randomUUID()}`
  await s3Client().send(new CreateBucketCommand({ Bucket }))
  return parseBucketLocation(`s3://${Bucket}/kept/here?endpoint=${endpoint}`)
}

export const kinds: Kind[] = [
  {
    name: 'a folder',
    isHere: true,
    open: async () => {
      const dir = freshPath()
      const again = () => openFolderStorage(dir)
      const damage = async (digest: string, bytes: Uint8Array) => {
        chmodSync(join(dir, keyOf(digest)), 0o644)
        writeFileSync(join(dir, keyOf(digest)), bytes)
      }
      return { artifacts: await again(), again, damage }
    },
  },
  {
    name: `a bucket${without}`,
    isHere: hasS3,
    open: async () => {
      const location = await freshBucket()
      const again = () => openBucketStorage(location, { spool: tmpdir() })
      const damage = async (digest: string, Body: Uint8Array) => {
        const { bucket: Bucket, prefix } = location
        await s3Client().send(new PutObjectCommand({ Bucket, Key: prefix + keyOf(digest), Body }))
      }
      return { artifacts: await again(), again, damage }
    },
  },
]
