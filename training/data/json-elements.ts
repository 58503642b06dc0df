/** The place of the rows in a JSON document: the array at this path, or the values next to each other. */
export type ElementsPath = readonly string[] | 'values'

/** An element as it is in the document. */
export interface JsonElement {
  /** The number of its first line. */
  line: number
  bytes: Buffer
  path: readonly string[]
}

export interface ElementScanner {
  push(chunk: Buffer): void
  /** Returns whether the document is complete. */
  isComplete(): boolean
  /** The number of the line at the end of what was read. */
  line(): number
}

interface Frame {
  isObject: boolean
  /** The key of the value that is read, in an object. */
  key: string
  /** The next string is a key. */
  expectsKey: boolean
}

const [QUOTE, BACKSLASH, COMMA, COLON] = [...'"\\,:'].map((character) => character.charCodeAt(0))
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [...'{}[]'].map((character) => character.charCodeAt(0))
const [LINE_FEED, RETURN, SPACE] = [10, 13, 32]

const MAX_KEY_BYTES = 1000
const MAX_DEPTH = 1000

/**
 * Makes a scanner that finds the elements of arrays in a JSON document while it is read. Only one element is in memory.
 * It does not validate: the parser of the elements does.
 * @param accepts returns whether the elements of the array at this path are wanted. The arrays within them are not
 *   looked at.
 * @param maxBytes the largest size of an element
 * @param onUnreadable called with the line of something that is too large; it must throw
 */
export function makeElementScanner(
  { accepts, maxBytes }: { accepts: (path: ElementsPath) => boolean; maxBytes: number },
  onElement: (element: JsonElement) => void,
  onUnreadable: (line: number, found: string) => never,
): ElementScanner {
  const frames: Frame[] = []
  let line = 1
  let inString = false
  let isEscaped = false
  let lastByte = 0
  /** The bytes of the string that may be a key. */
  let key: number[] | undefined
  let element: { line: number; depth: number; path: readonly string[]; parts: Buffer[]; bytes: number } | undefined
  let elementStart = 0

  /** Returns the path of the values that follow, if they are elements. */
  const pathHere = (): readonly string[] | undefined => {
    if (frames.length === 0) return accepts('values') ? [] : undefined
    const outer = frames.slice(0, -1)
    if (frames.at(-1)?.isObject || !outer.every(({ isObject }) => isObject)) return undefined
    const path = outer.map((frame) => frame.key)
    return accepts(path) ? path : undefined
  }
  const requireSize = (part: { line: number; bytes: number }, piece: Buffer) => {
    if (part.bytes + piece.length > maxBytes) onUnreadable(part.line, `a row of more than ${maxBytes} bytes`)
  }
  /** Passes on the element that ends before a byte of the chunk. */
  const endElement = (chunk: Buffer, end: number) => {
    if (!element) return
    const { parts, ...found } = element
    element = undefined
    const piece = chunk.subarray(elementStart, end)
    requireSize(found, piece)
    onElement({
      line: found.line,
      path: found.path,
      bytes: parts.length > 0 ? Buffer.concat([...parts, piece]) : piece,
    })
  }
  const startElement = (at: number) => {
    const path = element ? undefined : pathHere()
    if (!path) return
    element = { line, depth: frames.length, path, parts: [], bytes: 0 }
    elementStart = at
  }
  const readByte = (byte: number, chunk: Buffer, at: number) => {
    if (inString) return readInString(byte)
    if (byte <= SPACE) {
      // Values next to each other have no comma in between.
      if (frames.length === 0 && element?.depth === 0 && !isBracket(lastByte)) endElement(chunk, at)
      return
    }
    const frame = frames.at(-1)
    if (byte === COMMA || byte === COLON) {
      if (element?.depth === frames.length) endElement(chunk, at)
      if (byte === COMMA && frame) frame.expectsKey = frame.isObject
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      if (element?.depth === frames.length) endElement(chunk, at)
      frames.pop()
      if (element?.depth === frames.length) endElement(chunk, at + 1)
    } else {
      startElement(at)
      if (byte === QUOTE) {
        inString = true
        key = frame?.expectsKey ? [] : undefined
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        frames.push({ isObject: byte === OPEN_OBJECT, key: '', expectsKey: byte === OPEN_OBJECT })
        if (frames.length > MAX_DEPTH) onUnreadable(line, `values within more than ${MAX_DEPTH} others`)
      }
    }
  }
  const readInString = (byte: number) => {
    if (byte === QUOTE && !isEscaped) {
      inString = false
      const frame = frames.at(-1)
      if (key && frame) {
        frame.key = decodeKey(Buffer.from(key).toString())
        frame.expectsKey = false
      }
      key = undefined
    } else if (key && key.length < MAX_KEY_BYTES) key.push(byte)
    isEscaped = byte === BACKSLASH && !isEscaped
  }
  return {
    push(chunk) {
      elementStart = 0
      for (let at = 0; at < chunk.length; at++) {
        // Most bytes are within texts, and mean nothing there.
        if (inString && !key && !isEscaped) while (isOrdinary(chunk[at])) at++
        if (at === chunk.length) break
        const byte = chunk[at]
        if (byte === LINE_FEED ? lastByte !== RETURN : byte === RETURN) line++
        readByte(byte, chunk, at)
        lastByte = byte
      }
      if (!element) return
      const piece = chunk.subarray(elementStart)
      requireSize(element, piece)
      element.parts.push(piece)
      element.bytes += piece.length
    },
    isComplete: () => frames.length === 0 && !inString,
    line: () => line,
  }
}

/** Returns whether a byte of a string is neither its end, nor an escape, nor a line break. */
const isOrdinary = (byte: number | undefined): boolean =>
  byte !== undefined && byte !== QUOTE && byte !== BACKSLASH && byte !== LINE_FEED && byte !== RETURN

function decodeKey(text: string): string {
  try {
    return String(JSON.parse(`"${text}"`))
  } catch {
    return text
  }
}

const isBracket = (byte: number): boolean => byte === CLOSE_OBJECT || byte === CLOSE_ARRAY
