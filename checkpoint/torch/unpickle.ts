import { fail } from '../../core/errors.ts'

/** The name of a Python object, such as `collections.OrderedDict`. */
export class Global {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/** A value of a pickle. Dictionaries are maps, lists and tuples are arrays. */
export type Pickled = null | boolean | number | string | Global | object | readonly Pickled[] | Map<Pickled, Pickled>

/** The objects that a pickle may refer to. Nothing else is ever called. */
export interface PickleRules {
  /** Functions and classes that a pickle may call, by their names. */
  readonly calls: ReadonlyMap<string, (args: readonly Pickled[]) => Pickled>
  /** Objects that a pickle may name without calling them. */
  readonly names: ReadonlySet<string>
  /** Returns the object that a persistent id stands for. */
  persistent(id: Pickled): Pickled
}

/** Far more than the state of a model needs. Each value that is kept costs memory. */
const MAX_OPERATIONS = 5_000_000
const MAX_MEMO = 2_000_000

const MARK = Symbol('mark')

/**
 * Reads a pickle (protocols 0 to 4, as far as PyTorch uses them) without running any of it. An object that is not in
 * the rules is refused by its name.
 * @throws GraftError `checkpoint_corrupt` if the bytes are no such pickle
 */
export function unpickle(bytes: Uint8Array, { calls, names, persistent }: PickleRules, file: string): Pickled {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const stack: (Pickled | typeof MARK)[] = []
  const memo = new Map<number, Pickled>()
  let at = 0

  const damaged = (problem: string): never => throwDamaged(file, problem)
  const take = (count: number): number => {
    const start = at
    if (count < 0 || start + count > bytes.length) damaged('ends in the middle of a value')
    at += count
    return start
  }
  const text = (count: number): string => {
    const start = take(count)
    try {
      return decoder.decode(bytes.subarray(start, at))
    } catch {
      return damaged('contains a text that is not UTF-8')
    }
  }
  const line = (): string => {
    const end = bytes.indexOf(0x0a, at)
    if (end < 0) damaged('ends in the middle of a name')
    const value = text(end - at)
    take(1)
    return value
  }
  const pop = (): Pickled => {
    const value = stack.pop()
    return value === undefined || value === MARK ? damaged('takes a value that is not there') : value
  }
  const top = (): Pickled => {
    const value = stack.at(-1)
    return value === undefined || value === MARK ? damaged('uses a value that is not there') : value
  }
  const popToMark = (): Pickled[] => {
    const mark = stack.lastIndexOf(MARK)
    if (mark < 0) damaged('ends a list that it did not begin')
    return stack.splice(mark).slice(1) as Pickled[]
  }
  const remember = (index: number): void => {
    if (memo.size >= MAX_MEMO) damaged('keeps too many values')
    memo.set(index, top())
  }
  const recall = (index: number): void => {
    const value = memo.get(index)
    stack.push(value === undefined ? damaged('refers to a value that is not there') : value)
  }
  const toMap = (value: Pickled): Map<Pickled, Pickled> =>
    value instanceof Map ? value : damaged('sets an item of something other than a dictionary')
  const toList = (value: Pickled): Pickled[] =>
    Array.isArray(value) && !Object.isFrozen(value) ? value : damaged('appends to something other than a list')
  const setItems = (items: readonly Pickled[]): void => {
    const map = toMap(top())
    if (items.length % 2 > 0) damaged('sets a key without a value')
    for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1])
  }
  const tuple = (items: Pickled[]): void => void stack.push(Object.freeze(items))
  const lastItems = (count: number): Pickled[] => Array.from({ length: count }, pop).reverse()
  const global = (module: string, name: string): void => {
    const full = `${module}.${name}`
    if (!calls.has(full) && !names.has(full)) throwForbidden(file, full)
    stack.push(new Global(full))
  }
  const call = (): void => {
    const args = pop()
    const callee = pop()
    const known = callee instanceof Global ? calls.get(callee.name) : undefined
    if (!known) damaged('calls something that is not a function')
    else stack.push(known(Array.isArray(args) ? args : damaged('calls a function without arguments')))
  }
  const long = (length: number): void => {
    if (length > 8) damaged('contains a number of more than 64 bits')
    const start = take(length)
    let value = 0n
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[start + i])
    const number = Number(BigInt.asIntN(8 * length, value))
    if (!Number.isSafeInteger(number)) damaged('contains a number that is too large')
    stack.push(number)
  }

  for (let operation = 0; operation < MAX_OPERATIONS; operation++) {
    const code = bytes[take(1)]
    switch (String.fromCharCode(code)) {
      case '.':
        return stack.length === 1 ? pop() : damaged('leaves values behind')
      case '\x80': // PROTO
        if (bytes[take(1)] > 4) damaged('has a newer protocol than 4')
        break
      case '\x95': // FRAME
        take(8)
        break
      case '(':
        stack.push(MARK)
        break
      case '0':
        pop()
        break
      case 'N':
        stack.push(null)
        break
      case '\x88':
        stack.push(true)
        break
      case '\x89':
        stack.push(false)
        break
      case 'J':
        stack.push(view.getInt32(take(4), true))
        break
      case 'K':
        stack.push(bytes[take(1)])
        break
      case 'M':
        stack.push(view.getUint16(take(2), true))
        break
      case '\x8a': // LONG1
        long(bytes[take(1)])
        break
      case 'G':
        stack.push(view.getFloat64(take(8)))
        break
      case 'X':
        stack.push(text(view.getUint32(take(4), true)))
        break
      case '\x8c': // SHORT_BINUNICODE
        stack.push(text(bytes[take(1)]))
        break
      case 'T':
        stack.push(text(view.getUint32(take(4), true)))
        break
      case 'U':
        stack.push(text(bytes[take(1)]))
        break
      case ']':
        stack.push([])
        break
      case 'a': {
        const value = pop()
        toList(top()).push(value)
        break
      }
      case 'e': {
        const items = popToMark()
        const list = toList(top())
        for (const item of items) list.push(item)
        break
      }
      case ')':
        tuple([])
        break
      case 't':
        tuple(popToMark())
        break
      case '\x85':
        tuple(lastItems(1))
        break
      case '\x86':
        tuple(lastItems(2))
        break
      case '\x87':
        tuple(lastItems(3))
        break
      case '}':
        stack.push(new Map())
        break
      case 's':
        setItems(lastItems(2))
        break
      case 'u':
        setItems(popToMark())
        break
      case 'c':
        global(line(), line())
        break
      case '\x93': {
        // STACK_GLOBAL
        const [module, name] = lastItems(2)
        global(String(module), String(name))
        break
      }
      case 'R':
        call()
        break
      case 'b': // BUILD: the attributes of an object, such as `_metadata` of a state
        pop()
        top()
        break
      case 'Q':
        stack.push(persistent(pop()))
        break
      case 'q':
        remember(bytes[take(1)])
        break
      case 'r':
        remember(view.getUint32(take(4), true))
        break
      case '\x94': // MEMOIZE
        remember(memo.size)
        break
      case 'h':
        recall(bytes[take(1)])
        break
      case 'j':
        recall(view.getUint32(take(4), true))
        break
      default:
        damaged(`contains the operation 0x${code.toString(16).padStart(2, '0')}, which no saved state needs`)
    }
  }
  return damaged('has too many operations')
}

export function throwDamaged(file: string, problem: string): never {
  fail('checkpoint_corrupt', {
    subject: file,
    problem: `${problem}, so it is not a state that PyTorch saved`,
    fix: 'Copy or download the file again.',
  })
}

function throwForbidden(file: string, name: string): never {
  fail('checkpoint_corrupt', {
    subject: file,
    expected: 'a dictionary of tensors',
    found: `a reference to ${JSON.stringify(name.slice(0, 100))}`,
    fix: 'Such a file can run any program when Python loads it. Use a file with nothing but tensors.',
  })
}
