/** The methods in a few words. A method that is not here is shown by its name. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  lora: 'low-rank updates of the weights',
  bottleneck: 'small layers between those of the base',
  'soft-prompt': 'trained rows before the text',
  ia3: 'scales of activations; the fewest parameters',
  prefix: 'trained keys and values in attention',
  full: 'all weights, as the reference',
}

interface MethodChoiceProps {
  methods: readonly string[]
  chosen: string
  onChoose: (method: string) => void
}

/** A choice of the method, as cards. */
export const MethodChoice = ({ methods, chosen, onChoose }: MethodChoiceProps) => (
  <fieldset class="cards">
    <legend class="hidden">Method</legend>
    {methods.map((method) => (
      <label key={method} class="card-choice">
        <input
          type="radio"
          name="method"
          value={method}
          checked={method === chosen}
          onChange={() => onChoose(method)}
        />
        <strong>{method}</strong>
        <span class="quiet">{DESCRIPTIONS[method]}</span>
      </label>
    ))}
  </fieldset>
)
