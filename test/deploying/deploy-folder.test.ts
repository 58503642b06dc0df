import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { Command } from '../../cli/command.ts'
import { serve } from '../../cli/commands/serve.ts'
import { worker } from '../../cli/commands/worker.ts'
import { parseFlags } from '../../cli/flags.ts'
import { packageRoot } from '../../core/entry.ts'
import { claimTraining } from '../../platform/store/training-transitions.ts'
import { describePostgres, postgresPlace } from '../contract/store/stores.ts'
import { hasPeer, peersHidden } from '../peers.ts'
import { launchTraining, setUpWorker } from '../platform/worker/worker-context.ts'

const folder = join(packageRoot, 'deploy')
const setup = 'test/deploying/validators/setup.sh'
const bin = join(import.meta.dirname, 'validators/.venv/bin')
const hasValidators = hasPeer(join(bin, 'cfn-lint'))
const whyNoValidators = hasValidators ? '' : ` (skipped: no test/deploying/validators/.venv; ${setup} installs it)`
const hasKubectl = !peersHidden && spawnSync('kubectl', ['version', '--client']).status === 0
const whyNoKubectl = hasKubectl ? '' : ' (skipped: no kubectl)'

// biome-ignore lint/suspicious/noExplicitAny: objects of many kinds, which the validators check
type KubernetesObject = any

/** Reads all objects of a file. Throws for anything that is not strictly YAML, such as a repeated key. */
function readObjects(path: string): KubernetesObject[] {
  return parseAllDocuments(readFileSync(join(folder, path), 'utf8'), { strict: true, uniqueKeys: true }).map(
    (document) => {
      expect([path, document.errors, document.warnings]).toEqual([path, [], []])
      return document.toJS()
    },
  )
}

const kubernetesFiles = ['kubernetes/api.yaml', 'kubernetes/trainer.yaml', 'kubernetes/tidy.yaml']
const objects = [...kubernetesFiles, 'cloud-run/api.yaml', 'cloud-run/trainer.yaml'].flatMap(readObjects)

/** Returns everything in an object that looks like a container. */
function containersOf(value: KubernetesObject): { image: string; args: string[] }[] {
  if (typeof value !== 'object' || value === null) return []
  return [...(Array.isArray(value.containers) ? value.containers : []), ...Object.values(value).flatMap(containersOf)]
}

test('every file of deploy/ is tested here', () => {
  expect(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.yaml'))
      .sort(),
  ).toEqual([
    'aws/template.yaml',
    'cloud-run/api.yaml',
    'cloud-run/trainer.yaml',
    ...['kubernetes/api.yaml', 'kubernetes/kustomization.yaml', 'kubernetes/tidy.yaml', 'kubernetes/trainer.yaml'],
  ])
})

test('each container runs a command of Graft with flags that it has', () => {
  const commands: Record<string, Command> = { serve, worker }
  const containers = objects.flatMap(containersOf)
  expect(containers).toHaveLength(5)
  for (const { args } of containers) {
    const command = commands[args[0]]
    const { positionals } = parseFlags(args.slice(1), Object.assign({}, ...Object.values(command.flags)), command)
    expect([args, positionals]).toEqual([args, []])
  }
})

test('the functions of the AWS template have handlers that exist', () => {
  const names = readFileSync(join(folder, 'aws/template.yaml'), 'utf8').matchAll(/Handler: dist\/(.*)\.(\w+)$/gm)
  const handlers = [...names].map(([, module, name]) => [`${module}.ts`, name])
  expect(handlers).toEqual([
    ['server/lambda.ts', 'handler'],
    ['server/lambda.ts', 'train'],
  ])
  for (const [path, name] of handlers)
    expect(readFileSync(join(packageRoot, path), 'utf8')).toContain(`export async function ${name}(`)
})

test.skipIf(!hasValidators)(`cfn-lint accepts the AWS template${whyNoValidators}`, () => {
  const { status, stdout } = spawnSync(join(bin, 'cfn-lint'), [join(folder, 'aws/template.yaml')], { encoding: 'utf8' })
  expect([status, stdout]).toEqual([0, ''])
})

test.skipIf(!hasValidators)(
  `the objects match the definitions of Kubernetes, KEDA and Knative, and a wrong one does not${whyNoValidators}`,
  () => {
    const validate = (input: KubernetesObject[]) =>
      execFileSync(join(bin, 'python'), [join(import.meta.dirname, 'validators/validate.py')], {
        ...{ input: JSON.stringify(input), encoding: 'utf8' },
      })
    expect(validate(objects)).toBe('')
    const [job] = readObjects('kubernetes/trainer.yaml')
    job.spec.pollInterval = 10
    expect(validate([job])).toBe('ScaledJob graft-trainer.spec.pollInterval: unknown field\n')
  },
)

test.skipIf(!hasKubectl)(`kubectl kustomize puts the name of the pushed image everywhere${whyNoKubectl}`, () => {
  const rendered = execFileSync('kubectl', ['kustomize', join(folder, 'kubernetes')], { encoding: 'utf8' })
  const built = parseAllDocuments(rendered).map((document) => document.toJS())
  expect(built.map(({ kind }) => kind).sort()).toEqual(['CronJob', 'ScaledJob', 'Service', 'TriggerAuthentication'])
  for (const { image } of built.flatMap(containersOf)) expect(image).toBe('registry.example.org/graft:latest')
})

describePostgres(() => {
  describe('the query that starts jobs of KEDA', () => {
    test('counts what a worker would take now: what waits, and what a worker left that has stopped', async () => {
      const logged: unknown[] = []
      const { place, context, inputs } = await setUpWorker(postgresPlace, logged)
      const client = new pg.Client({ connectionString: place.options.databaseUrl })
      await client.connect()
      try {
        const [{ spec }] = readObjects('kubernetes/trainer.yaml')
        const count = async () =>
          Number(Object.values((await client.query(spec.triggers[0].metadata.query)).rows[0] as object)[0])
        expect(await count()).toBe(0)
        const first = await launchTraining(context, inputs)
        await launchTraining(context, inputs)
        expect(await count()).toBe(2)
        const job = await context.queue.take('training')
        expect([job?.id, await count()]).toEqual([first.id, 1])
        // The worker that took the job stops, before it has claimed the training and after that.
        await client.query(
          "update graft_jobs.job set heartbeat_on = now() - interval '1 minute' where state = 'active'",
        )
        expect(await count()).toBe(2)
        await client.query("delete from graft_jobs.job where state = 'active'")
        await claimTraining(context.store.db, first.id, 'a worker')
        expect(await count()).toBe(1)
        await client.query("update graft.trainings set heartbeat_at = now() - interval '1 minute' where id = $1", [
          first.id,
        ])
        expect(await count()).toBe(2)
        expect(logged).toEqual([])
      } finally {
        await client.end()
        await context.close()
        await place.remove()
      }
    })
  })
})
