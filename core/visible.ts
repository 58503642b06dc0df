/**
 * A character that a reader can see: a letter, digit, mark of punctuation or symbol. Unassigned and private characters
 * count, because a newer font may show them. Ignorable characters, such as fillers of Hangul, and the blank pattern of
 * Braille are shown as nothing.
 */
const VISIBLE = /[[\p{L}\p{N}\p{P}\p{S}\p{Cn}\p{Co}]--\p{DI}--\u2800]/v

/** Returns whether a text has a character that a reader can see. */
export const hasVisibleCharacter = (text: string): boolean => VISIBLE.test(text)
