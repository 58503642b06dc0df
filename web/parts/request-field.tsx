import { wordsOf } from '../format.ts'
import type { RequestField } from '../request-fields.ts'

/** An input for a field of a request. An empty one leaves the field to the server. */
export function RequestFieldInput({ field }: { field: RequestField }) {
  const { name, description, kind, choices, isInteger, min, max, defaultText } = field
  const id = `field-${name}`
  const described = { id, name, 'aria-describedby': `${id}-help` }
  return (
    <div class="field">
      <label for={id}>{wordsOf(name)}</label>
      {kind === 'choice' || kind === 'flag' ? (
        <select {...described}>
          <option value="">{defaultText ? `default: ${toWord(kind, defaultText)}` : 'default'}</option>
          {(choices ?? ['true', 'false']).map((value) => (
            <option key={value} value={value}>
              {toWord(kind, value)}
            </option>
          ))}
        </select>
      ) : (
        <input
          {...described}
          type={kind === 'number' ? 'number' : 'text'}
          step={kind === 'number' ? (isInteger ? 1 : 'any') : undefined}
          min={min}
          max={max}
          placeholder={defaultText ?? (kind === 'pairs' ? 'name=value, name=value' : kind === 'list' ? 'a, b' : '')}
        />
      )}
      <small id={`${id}-help`}>{description}</small>
    </div>
  )
}

const toWord = (kind: RequestField['kind'], value: string): string =>
  kind === 'flag' ? (value === 'true' ? 'yes' : 'no') : value
