import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { packageRoot } from '../../core/entry.ts'
import type { Training } from '../../platform/schemas/trainings.ts'
import type { Place } from '../contract/store/embedded.ts'
import { describePostgres, postgresPlace } from '../contract/store/stores.ts'
import { asProcess1, type Container, graft, run, sharedFolder } from './container.ts'

interface Service {
  command: string[]
  environment: Record<string, string | null>
  deploy: { replicas: number }
}

const file = parse(readFileSync(join(packageRoot, 'compose.yaml'), 'utf8'), { merge: true }) as {
  services: { api: Service; worker: Service }
}
const { api, worker } = file.services
/** The command of a worker with any free port, because these services are not in separate networks. */
const workerCommand = worker.command.map((argument) => (argument === '9090' ? '0' : argument))

/** Returns the environment of a service of the file, with variables of `.env` substituted as compose does. */
function environmentOf({ environment }: Service, dotEnv: Record<string, string>, place: Record<string, string>) {
  const put = (value: string) =>
    value.replace(/\$\{(\w+)(?::[-?]([^}]*))?\}/g, (_, name, otherwise) => dotEnv[name] ?? otherwise)
  const given = Object.entries(environment).flatMap(([name, value]) => (value === null ? [] : [[name, put(value)]]))
  const env = Object.fromEntries(given) as Record<string, string>
  for (const name of Object.keys(place)) if (!(name in env)) throw new Error(`compose.yaml does not set ${name}`)
  return { ...env, ...place }
}

describePostgres(() => {
  describe(`the services of compose.yaml${asProcess1}`, () => {
    let place: Place
    let env: Record<string, string>
    let headers: Record<string, string>
    const servers: Container[] = []
    const urls: string[] = []

    beforeAll(async () => {
      place = await postgresPlace()
      const ours = { DATABASE_URL: place.options.databaseUrl }
      env = environmentOf(api, { GRAFT_ARTIFACTS: sharedFolder(), POSTGRES_PASSWORD: 'secret' }, ours)
      expect(env).toEqual(environmentOf(worker, { GRAFT_ARTIFACTS: env.GRAFT_ARTIFACTS }, ours))
      const { code: refused, stderr: why } = await run([...api.command, '--port', '0'], sharedFolder(), env).exited
      expect([refused, why]).toEqual([2, expect.stringContaining('Create a key first: graft key create')])
      // As `docker compose run api` does it.
      const { code, stdout, stderr } = await run(['key', 'create', '--name', 'me'], sharedFolder(), env).exited
      expect(code, stderr).toBe(0)
      headers = { authorization: `Bearer ${stdout.trim()}` }
      for (let i = 0; i < api.deploy.replicas; i++)
        servers.push(run([...api.command, '--port', '0'], sharedFolder(), env))
      for (const server of servers) {
        await server.waitFor(/http:\S+\n/)
        urls.push(server.stdout.trim())
      }
    })
    afterAll(async () => {
      for (const server of servers) server.stop()
      expect(await Promise.all(servers.map(async ({ exited: ended }) => (await ended).code))).toEqual(
        servers.map(() => 0),
      )
      await place.remove()
    })

    const ask = async <T>(replica: number, path: string, content?: string, type = 'application/json'): Promise<T> => {
      const sent = { method: 'POST', headers: { ...headers, 'content-type': type }, body: content }
      const response = await fetch(`${urls[replica]}${path}`, content === undefined ? { headers } : sent)
      expect(response.ok, await response.clone().text()).toBe(true)
      return (await response.json()) as T
    }

    test('train what one API accepts, on a worker that is stopped and on one that continues, and another API serves the result', async () => {
      const data = readFileSync(join(graft, 'samples/train.jsonl'), 'utf8')
      await ask(0, '/v1/datasets?name=samples', data, 'application/jsonl')
      const asked = { name: 'mine', dataset: 'samples', steps: 400, batch_tokens: 64, threads: 1 }
      const { id } = await ask<Training>(0, '/v1/trainings', JSON.stringify(asked))
      const path = `/v1/trainings/${id}`

      const first = run(workerCommand, sharedFolder(), env)
      while (((await ask<Training>(1, path)).progress?.step ?? 0) === 0) await pause(50)
      first.stop()
      const { code, stderr } = await first.exited
      expect(code, stderr).toBe(0)
      const stopped = await ask<Training>(1, path)
      expect(stopped.status).toBe('queued')
      expect(stopped.progress?.step).toBeGreaterThan(0)

      const second = run(workerCommand, sharedFolder(), env)
      await second.waitFor(/"status":"succeeded"/)
      second.stop()
      expect((await second.exited).code).toBe(0)
      const texts = JSON.stringify({ inputs: ['A joy.'], adapter: 'mine' })
      const { results } = await ask<{ results: object[] }>(1, '/v1/predictions', texts)
      expect(results).toMatchObject([{ tokens: 4 }])
    })
  })
})
