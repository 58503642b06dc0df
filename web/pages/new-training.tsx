import { useRef, useState } from 'hono/jsx/dom'
import type { Base, Dataset, LaunchRequest, TrainingPlan } from '../../client/client.ts'
import { countOf, randomName } from '../format.ts'
import { firstOf, useLoad } from '../load.ts'
import type { PageProps } from '../page.ts'
import { PageHead } from '../parts/head.tsx'
import { MethodChoice } from '../parts/method-choice.tsx'
import { ProblemBox } from '../parts/problem.tsx'
import { RequestFieldInput } from '../parts/request-field.tsx'
import { LoadedView, Loading } from '../parts/states.tsx'
import { EstimateTiles, PlanFacts, PlanFindings } from '../parts/training-plan.tsx'
import { fieldFor, readTrainingFields, sharedFieldsOf, type TrainingFields, toValue } from '../request-fields.ts'
import { NAME_RULES } from '../resource-name.ts'
import { navigate, pathTo, queryOf } from '../router.ts'
import { graft } from '../session.ts'

const MAX_OPTIONS = 500
/** The settings that most people set. All others are folded. */
const FIRST_FIELDS = ['epochs', 'max_tokens', 'learning_rate', 'evaluate_every']

interface Choices {
  fields: TrainingFields
  datasets: readonly Dataset[]
  bases: readonly Base[]
}

async function load(): Promise<Choices> {
  const [document, datasets, bases] = await Promise.all([
    graft.describe(),
    firstOf(graft.datasets.list(), MAX_OPTIONS),
    firstOf(graft.bases.list(), MAX_OPTIONS),
  ])
  return { fields: readTrainingFields(document), datasets, bases }
}

/** Plans and launches a training. */
export function NewTrainingPage({ address }: PageProps) {
  const loaded = useLoad(load)
  return (
    <>
      <PageHead title="New training" up={{ path: '/trainings', name: 'Trainings' }} />
      <LoadedView loaded={loaded}>
        {(choices) =>
          choices.datasets.length === 0 ? (
            <p class="empty">
              A training needs labeled reviews. <a href="/data/new">Add a file</a> first.
            </p>
          ) : (
            <TrainingForm choices={choices} dataset={queryOf(address).get('dataset') ?? ''} />
          )
        }
      </LoadedView>
    </>
  )
}

/** Returns the request that a form describes. */
function readRequest(form: HTMLFormElement, { all }: TrainingFields): LaunchRequest {
  const request: Record<string, unknown> = {}
  for (const [name, entered] of new FormData(form)) {
    const field = all.get(name)
    const value = field ? toValue(field, String(entered)) : String(entered) || undefined
    if (value !== undefined) request[name] = value
  }
  return request as LaunchRequest
}

type Planned = { isBusy: boolean; plan?: TrainingPlan; error?: unknown }

function TrainingForm({ choices, dataset }: { choices: Choices; dataset: string }) {
  const { fields, datasets, bases } = choices
  const [method, setMethod] = useState(fields.methods[0])
  const [planned, setPlanned] = useState<Planned>({ isBusy: false })
  const form = useRef<HTMLFormElement | null>(null)
  const [requestKey, setRequestKey] = useState(randomName)
  const own = fields.ofMethod.get(method) ?? []
  const rest = sharedFieldsOf(fields).filter((name) => !FIRST_FIELDS.includes(name))

  const act = (work: (request: LaunchRequest) => Promise<Planned>) => {
    if (!form.current?.reportValidity()) return
    setPlanned((before) => ({ plan: before.plan, isBusy: true }))
    work(readRequest(form.current, fields)).then(setPlanned, (error) => setPlanned({ isBusy: false, error }))
  }
  const showPlan = () => act(async (request) => ({ isBusy: false, plan: await graft.trainings.plan(request) }))
  const launch = (event: Event) => {
    event.preventDefault()
    act(async (request) => {
      const { id } = await graft.trainings.launch(request, { idempotencyKey: requestKey })
      navigate(pathTo('trainings', id))
      return { isBusy: false }
    })
  }
  // A plan, and a key that makes it safe to repeat a launch, belong to one request.
  const onEdit = () => {
    setRequestKey(randomName())
    if (planned.plan || planned.error !== undefined) setPlanned({ isBusy: false })
  }
  const inputs = (names: readonly string[]) =>
    names.map((name) => {
      const field = fields.all.get(name)
      return field && <RequestFieldInput key={`${method} ${name}`} field={fieldFor(field, method)} />
    })
  return (
    <form ref={form} class="training-form" onSubmit={launch} onInput={onEdit}>
      <section class="panel">
        <h2>Data</h2>
        <div class="fields">
          <DatasetSelect
            name="dataset"
            label="Reviews to train on"
            datasets={datasets}
            chosen={dataset}
            empty="choose …"
            required
          />
          <DatasetSelect name="test_dataset" label="Reviews to test on" datasets={datasets} empty="none" />
        </div>
      </section>
      <section class="panel">
        <h2>Method</h2>
        <MethodChoice methods={fields.methods} chosen={method} onChoose={setMethod} />
        <div class="fields">{inputs(own)}</div>
      </section>
      <section class="panel">
        <h2>Training</h2>
        <div class="fields">
          <div class="field">
            <label for="field-base">Base</label>
            <select id="field-base" name="base">
              {bases.map(({ id, name, served }) => (
                <option key={id} value={id}>
                  {name}
                  {served ? '' : ' (not served here)'}
                </option>
              ))}
            </select>
          </div>
          {inputs(FIRST_FIELDS)}
        </div>
        <details>
          <summary>More settings</summary>
          <div class="fields">{inputs(rest)}</div>
        </details>
      </section>
      <section class="panel submit">
        <div class="field">
          <label for="field-name">Name of the adapter</label>
          <input id="field-name" name="name" {...NAME_RULES} placeholder="the method and a random suffix" />
        </div>
        <button type="button" disabled={planned.isBusy} onClick={showPlan}>
          Show the plan
        </button>
        <button type="submit" class="primary" disabled={planned.isBusy}>
          Launch
        </button>
      </section>
      <div aria-live="polite">
        {planned.isBusy && <Loading what="Measuring two steps" />}
        {planned.error !== undefined && <ProblemBox error={planned.error} />}
        {planned.plan && (
          <section class="panel">
            <h2>Plan</h2>
            <EstimateTiles {...planned.plan} />
            <PlanFindings plan={planned.plan.plan} />
            <PlanFacts plan={planned.plan.plan} />
          </section>
        )}
      </div>
    </form>
  )
}

interface DatasetSelectProps {
  name: string
  label: string
  datasets: readonly Dataset[]
  chosen?: string
  /** The words for no data set. */
  empty: string
  /** True if a data set must be chosen. The only one is then chosen already. */
  required?: boolean
}

const DatasetSelect = ({ name, label, datasets, chosen = '', empty, required = false }: DatasetSelectProps) => (
  <div class="field">
    <label for={`field-${name}`}>{label}</label>
    <select id={`field-${name}`} name={name} required={required}>
      {!(required && datasets.length === 1) && <option value="">{empty}</option>}
      {datasets.map((one) => (
        <option key={one.id} value={one.id} selected={one.id === chosen || one.name === chosen}>
          {one.name} ({countOf(one.rows, 'review')})
        </option>
      ))}
    </select>
  </div>
)
