/** The attributes of an input for the name of a new resource, as the API allows it. */
export const NAME_RULES = {
  maxlength: 100,
  pattern: '[A-Za-z0-9][A-Za-z0-9._\\-]*',
  title: 'Letters, digits, dots, dashes and underscores, with a letter or a digit first',
} as const

/** Returns a text as a name that the API allows, or nothing if no character of it is allowed. */
export const resourceName = (text: string): string =>
  text
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, NAME_RULES.maxlength)
