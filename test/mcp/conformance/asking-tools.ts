import { type SuiteTool, textArguments, toText } from './tool.ts'

const options = ['option1', 'option2', 'option3']
const titledOptions = ['First', 'Second', 'Third'].map((title, i) => ({
  const: `value${i + 1}`,
  title: `${title} Option`,
}))

/** Asks the user for the properties of a schema. */
const makeElicitation = (
  description: string,
  properties: object,
  inputSchema?: SuiteTool['inputSchema'],
): SuiteTool => ({
  description,
  inputSchema,
  async call({ message = 'Please answer.' }, { mcpReq }) {
    const requestedSchema = { type: 'object', properties }
    const { action, content } = await mcpReq.elicitInput({ message, requestedSchema } as never, {
      relatedRequestId: mcpReq.id,
    })
    return toText(`Elicitation completed: action=${action}, content=${JSON.stringify(content)}`)
  },
})

/** Tools that send requests to the client during a call, as revision 2025-11-25 does. */
export const askingTools: Readonly<Record<string, SuiteTool>> = {
  test_sampling: {
    description: 'Asks the model of the client.',
    inputSchema: textArguments('prompt'),
    async call({ prompt }, { mcpReq }) {
      const messages = [{ role: 'user' as const, content: { type: 'text' as const, text: String(prompt) } }]
      const { content } = await mcpReq.requestSampling({ messages, maxTokens: 100 }, { relatedRequestId: mcpReq.id })
      return toText(`LLM response: ${JSON.stringify(content)}`)
    },
  },
  test_elicitation: makeElicitation(
    'Asks the user.',
    { username: { type: 'string' }, email: { type: 'string' } },
    textArguments('message'),
  ),
  test_elicitation_sep1034_defaults: makeElicitation('Asks the user, with default answers.', {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  }),
  test_elicitation_sep1330_enums: makeElicitation('Lets the user choose.', {
    untitledSingle: { type: 'string', enum: options },
    titledSingle: { type: 'string', oneOf: titledOptions },
    legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['One', 'Two', 'Three'] },
    untitledMulti: { type: 'array', items: { type: 'string', enum: options } },
    titledMulti: { type: 'array', items: { anyOf: titledOptions } },
  }),
}
