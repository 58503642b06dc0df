import { useEffect, useRef, useState } from 'hono/jsx/dom'
import type { Adapter, AdaptersAnswer } from '../../client/client.ts'
import { firstOf, useLoad } from '../load.ts'
import type { PageProps } from '../page.ts'
import { AdapterPicker } from '../parts/adapter-picker.tsx'
import { PageHead } from '../parts/head.tsx'
import { PredictionCard } from '../parts/prediction-card.tsx'
import { ProblemBox } from '../parts/problem.tsx'
import { LoadedView } from '../parts/states.tsx'
import { navigate, queryOf } from '../router.ts'
import { graft, may } from '../session.ts'

const MAX_CHOSEN = 8
const MAX_CHARACTERS = 200_000

const examples = [
  'A joy from start to finish.',
  'I did not like it at all.',
  'Two hours I will never get back, although the music is lovely.',
  'I expected a bore, and I could not have been more wrong.',
]

/** Returns the adapters that the address names, each once, or else the newest one, if there is any. */
async function load(named: readonly string[]): Promise<Adapter[]> {
  if (named.length === 0) return firstOf(graft.adapters.list(), 1)
  const found = await Promise.all(named.map((id) => graft.adapters.get(id)))
  // An address may have the id and the name of the same one.
  return [...new Map(found.map((adapter) => [adapter.id, adapter])).values()]
}

/** Classifies a text with several adapters, side by side. */
export function PlaygroundPage({ address }: PageProps) {
  const query = queryOf(address)
  const named = (query.get('adapters') ?? '').split(',').filter(Boolean).slice(0, MAX_CHOSEN)
  const loaded = useLoad(() => load(named))
  return (
    <>
      <PageHead title="Playground" />
      <LoadedView loaded={loaded}>
        {(adapters) =>
          adapters.length === 0 ? (
            <p class="empty">
              There is no adapter to ask. {may('train') && <a href="/trainings/new">Train one first.</a>}
            </p>
          ) : (
            <Playground adapters={adapters} text={query.get('text') ?? ''} />
          )
        }
      </LoadedView>
    </>
  )
}

/** The answer to a text. */
interface Answered {
  text: string
  answer: AdaptersAnswer
}

/** @param adapters those that are chosen at first */
function Playground({ adapters, text }: { adapters: readonly Adapter[]; text: string }) {
  const [chosen, setChosen] = useState(adapters)
  // The address loses the text, but the field keeps it.
  const [initial] = useState(text)
  const [explains, setExplains] = useState(false)
  const [answered, setAnswered] = useState<Answered | undefined>(undefined)
  const [error, setError] = useState<unknown>(undefined)
  const [isBusy, setBusy] = useState(false)
  const input = useRef<HTMLTextAreaElement | null>(null)
  const round = useRef(0)

  const classify = () => {
    const current = input.current?.value ?? ''
    if (current.trim() === '' || chosen.length === 0) return
    round.current = (round.current ?? 0) + 1
    const own = round.current
    setBusy(true)
    setError(undefined)
    graft
      .predict({ inputs: [current], adapters: chosen.map(({ id }) => id), ...(explains && { explain: true }) })
      .then(
        (answer) => round.current === own && setAnswered({ text: current, answer }),
        (reason) => round.current === own && setError(reason),
      )
      .finally(() => round.current === own && setBusy(false))
  }
  useEffect(() => {
    // The address can be shared. The text stays out of it, because it may be long or private.
    navigate(`/playground?adapters=${chosen.map(({ id }) => id).join(',')}`, { replace: true })
  }, [chosen])
  useEffect(() => {
    if (answered || initial !== '') classify()
  }, [chosen, explains])

  const use = (example: string) => {
    if (input.current) input.current.value = example
    classify()
  }
  return (
    <div class="playground">
      <form
        onSubmit={(event: Event) => {
          event.preventDefault()
          classify()
        }}
      >
        <label class="field">
          <span>Review</span>
          <textarea
            ref={input}
            rows={5}
            value={initial}
            maxlength={MAX_CHARACTERS}
            placeholder="Type or paste a review"
            onKeyDown={(event: KeyboardEvent) => {
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) classify()
            }}
          />
        </label>
        <div class="chips">
          {examples.map((example) => (
            <button key={example} type="button" class="chip" onClick={() => use(example)}>
              {example}
            </button>
          ))}
        </div>
        <AdapterPicker
          help={`Up to ${MAX_CHOSEN}. The answers are in the order in which you choose.`}
          chosen={chosen}
          isFull={chosen.length >= MAX_CHOSEN}
          onChoose={setChosen}
        />
        <p class="actions">
          <button type="submit" class="primary" disabled={isBusy || chosen.length === 0}>
            Classify
          </button>
          <label class="choice">
            <input type="checkbox" checked={explains} onClick={() => setExplains(!explains)} />
            Which words mattered
          </label>
          <span class="quiet">Ctrl + Enter</span>
        </p>
      </form>
      <div class="answers" aria-live="polite" aria-busy={isBusy ? 'true' : 'false'}>
        {error !== undefined && <ProblemBox error={error} />}
        {answered
          ? answered.answer.adapters.map(({ adapter, digest }, i) => (
              <PredictionCard
                key={digest + adapter}
                adapter={adapter}
                result={answered.answer.results[0][i]}
                text={answered.text}
              />
            ))
          : error === undefined && <p class="empty">{isBusy ? 'Classifying …' : 'The answers will be here.'}</p>}
      </div>
    </div>
  )
}
