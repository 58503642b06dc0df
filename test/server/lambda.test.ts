import { mkdirSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import {
  type FunctionInstance,
  type FunctionResponse,
  httpEvent,
  startInstance,
} from '../../bench/function-platform.ts'
import { killConnections } from '../../bench/scratch-database.ts'
import { openPlatform } from '../../platform/open-platform.ts'
import { type ClassifyAnswer, classifyAnswer } from '../../platform/schemas/classify.ts'
import type { Problem } from '../../platform/schemas/common.ts'
import { openStore } from '../../platform/store/open-store.ts'
import { ensureAdapter } from '../../platform/use-cases/adapters.ts'
import { classify } from '../../platform/use-cases/classify.ts'
import { createKey } from '../../platform/use-cases/keys.ts'
import { freshPath } from '../checkpoint/helpers.ts'
import type { Place } from '../contract/store/embedded.ts'
import { describePostgres, postgresPlace } from '../contract/store/stores.ts'
import { deployment } from '../deploying/deployment.ts'
import { without } from '../s3-server/start.ts'
import { saveRandomAdapter } from '../serving/adapters.ts'
import { giveToUser } from '../user.ts'

const s3Endpoint = inject('s3Endpoint')
const inBucket = without ? ` with the artifacts in a folder${without}` : ' with the artifacts in a bucket'

const credentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'us-east-1' }
Object.assign(process.env, credentials)

async function freshArtifacts(): Promise<string> {
  if (!s3Endpoint) return freshPath('artifacts')
  const client = new S3Client({ endpoint: s3Endpoint, forcePathStyle: true })
  await client.send(new CreateBucketCommand({ Bucket: 'function' }))
  return `s3://function/graft?endpoint=${s3Endpoint}`
}

/** The folder that instances may write to. */
const home = freshPath('function')
mkdirSync(home, { recursive: true })
giveToUser(home)

const start = (env: Record<string, string>): Promise<FunctionInstance> =>
  startInstance(deployment, { ...credentials, GRAFT_HOME: home, TMPDIR: home, ...env })

interface LabelScore {
  label: string
  score: number
}

const parseProblem = ({ statusCode, body }: FunctionResponse): Problem => {
  const problem = JSON.parse(body) as Problem
  expect(problem.status).toBe(statusCode)
  return problem
}

test.each([
  ['DATABASE_URL', { GRAFT_ARTIFACTS: 's3://bucket' }],
  ['GRAFT_ARTIFACTS', { DATABASE_URL: 'postgres://nowhere/none' }],
])('a function without %s fails to start with an error that names it', async (name, env) => {
  const { invoke, end } = await start(env as Record<string, string>)
  onTestFinished(end)
  await expect(invoke(httpEvent('GET', '/healthz'))).rejects.toThrow(`${name} is not set`)
})

describePostgres(() => {
  describe(`a function${inBucket}`, () => {
    const inputs = ['A joy from start to finish.', 'Two hours I want back.']
    let place: Place
    let env: Record<string, string>
    let instance: FunctionInstance
    let expected: ClassifyAnswer
    let authorization: string | undefined

    beforeAll(async () => {
      place = await postgresPlace()
      const { databaseUrl } = place.options
      const artifacts = await freshArtifacts()
      env = { DATABASE_URL: databaseUrl, GRAFT_ARTIFACTS: artifacts }
      const platform = await openPlatform({ databaseUrl, artifacts, home: freshPath('home'), threads: 1 })
      await ensureAdapter(platform, await saveRandomAdapter('film', { method: 'lora', rank: 4 }, 0.05))
      expected = await classify(platform, { inputs, adapter: 'film' }, new AbortController().signal)
      await platform.close()
      if (!s3Endpoint) giveToUser(artifacts)
      instance = await start(env)
    })
    afterAll(async () => {
      await instance.end()
      await place.remove()
    })

    const send = (method: string, path: string, { headers, ...rest }: Parameters<typeof httpEvent>[2] = {}) =>
      instance.invoke(
        httpEvent(method, path, { headers: { ...(authorization && { authorization }), ...headers }, ...rest }),
      )
    const predict = (base64 = false) =>
      send('POST', '/v1/predictions', { body: JSON.stringify({ inputs, adapter: 'film' }), base64 })

    test('rejects every request without a key, even if no key exists, whatever its headers', async () => {
      const local = { host: 'localhost', origin: 'http://localhost' }
      for (const headers of [{}, local]) {
        const response = await send('GET', '/v1/adapters', { headers })
        expect(parseProblem(response)).toMatchObject({ code: 'key_required', status: 401 })
      }
      const guess = await send('GET', '/v1/adapters', { headers: { authorization: 'Bearer graft_x' } })
      expect(parseProblem(guess)).toMatchObject({ code: 'key_invalid' })
      for (const path of ['/healthz', '/readyz']) expect((await send('GET', path)).statusCode).toBe(200)
    })

    describe('with a key', () => {
      beforeAll(async () => {
        const store = await openStore(place.options)
        authorization = `Bearer ${(await createKey({ store }, { name: 'it', scopes: ['admin'] })).secret}`
        await store.close()
      })

      test('returns the same predictions as the server, whether the body is text or base64', async () => {
        for (const base64 of [false, true]) {
          const { statusCode, headers, body, isBase64Encoded } = await predict(base64)
          expect([statusCode, isBase64Encoded], instance.log).toEqual([200, false])
          expect(headers).toMatchObject({ 'content-type': 'application/json', 'x-graft-adapter': 'film' })
          const { results, ...rest } = classifyAnswer.parse(JSON.parse(body))
          const { results: own, ...same } = expected
          expect(rest).toEqual(same)
          const scores = (rows: typeof own) =>
            (rows as LabelScore[]).map(({ label, score }) => [label, score.toFixed(4)])
          expect(scores(results)).toEqual(scores(own))
        }
        const request = {
          headers: { 'content-type': 'application/json', authorization },
          body: JSON.stringify({ inputs }),
        }
        const rest = { ...request, httpMethod: 'POST', path: '/v1/predictions', queryStringParameters: null }
        // The older payload of API Gateway, and that of a load balancer.
        for (const requestContext of [{ stage: 'prod' }, { elb: { targetGroupArn: 'arn' } }]) {
          const answer = await instance.invoke({ ...rest, requestContext, isBase64Encoded: false })
          expect([answer.statusCode, JSON.parse(answer.body).adapter]).toEqual([200, 'film'])
        }
        const tei = await send('POST', '/predict?adapter=film', { body: JSON.stringify({ inputs: inputs[0] }) })
        expect(JSON.parse(tei.body)[0].label).toBe((expected.results as LabelScore[])[0].label)
      })

      test('serves only the routes of a key with the scope predict, which do not upload, change or stream anything', async () => {
        const status = async (method: string, path: string) => (await send(method, path)).statusCode
        expect(await status('GET', '/v1/adapters/film')).toBe(200)
        expect(await status('DELETE', '/v1/adapters/film')).toBe(405)
        expect(await status('POST', '/v1/adapters')).toBe(405)
        for (const path of ['/v1/adapters/film/archive', '/v1/trainings', '/v1/keys', '/metrics', '/mcp'])
          expect([path, await status('GET', path)]).toEqual([path, 404])
        const { paths } = JSON.parse((await send('GET', '/openapi.json')).body)
        expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/v1/predictions', '/predict', '/v1/adapters/{id}']))
        for (const path of Object.keys(paths)) expect([path, await status('OPTIONS', path)]).toEqual([path, 204])
      })

      test('holds no connection between requests, and works after it was frozen', async () => {
        expect((await predict()).statusCode).toBe(200)
        // A closed connection may take a moment to disappear from the database.
        await pause(200)
        instance.freeze()
        expect(await killConnections(place.options.databaseUrl)).toBe(false)
        instance.thaw()
        expect((await predict()).statusCode).toBe(200)
      })
    })

    test('fails while the database does not answer, and works as soon as it does', async () => {
      const later = new URL(place.options.databaseUrl)
      later.pathname += '_later'
      const { invoke, end } = await start({ ...env, DATABASE_URL: later.href })
      const client = new pg.Client({ connectionString: place.options.databaseUrl })
      await client.connect()
      onTestFinished(async () => {
        await end()
        await client.query(`drop database if exists ${later.pathname.slice(1)} with (force)`)
        await client.end()
      })
      await expect(invoke(httpEvent('GET', '/healthz'))).rejects.toThrow('DATABASE_URL')
      await client.query(`create database ${later.pathname.slice(1)}`)
      expect((await invoke(httpEvent('GET', '/healthz'))).statusCode).toBe(200)
      // A function never uses the queue, so it does not create it; otherwise starting functions would wait for each
      // other.
      const laterClient = new pg.Client({ connectionString: later.href })
      await laterClient.connect()
      const { rows } = await laterClient.query(
        "select to_regnamespace('graft') as store, to_regnamespace('graft_jobs') as queue",
      )
      expect(rows).toEqual([{ store: 'graft', queue: null }])
      await laterClient.end()
    })
  })
})
