import { type SuiteTool, said, texts } from './tool.ts'

const asked = ['option1', 'option2', 'option3']
const titled = ['First', 'Second', 'Third'].map((title, i) => ({ const: `value${i + 1}`, title: `${title} Option` }))

/** Asks the user for what a schema tells. */
const elicits = (description: string, properties: object, inputSchema?: SuiteTool['inputSchema']): SuiteTool => ({
  description,
  inputSchema,
  async call({ message = 'Please tell.' }, { mcpReq }) {
    const requestedSchema = { type: 'object', properties }
    const { action, content } = await mcpReq.elicitInput({ message, requestedSchema } as never, {
      relatedRequestId: mcpReq.id,
    })
    return said(`Elicitation completed: action=${action}, content=${JSON.stringify(content)}`)
  },
})

/** Tools that ask the client while they are called, as revision 2025-11-25 does. */
export const askingTools: Readonly<Record<string, SuiteTool>> = {
  test_sampling: {
    description: 'Asks the model of the client.',
    inputSchema: texts('prompt'),
    async call({ prompt }, { mcpReq }) {
      const messages = [{ role: 'user' as const, content: { type: 'text' as const, text: String(prompt) } }]
      const { content } = await mcpReq.requestSampling({ messages, maxTokens: 100 }, { relatedRequestId: mcpReq.id })
      return said(`LLM response: ${JSON.stringify(content)}`)
    },
  },
  test_elicitation: elicits(
    'Asks the user.',
    { username: { type: 'string' }, email: { type: 'string' } },
    texts('message'),
  ),
  test_elicitation_sep1034_defaults: elicits('Asks the user, with what to answer where nothing is said.', {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  }),
  test_elicitation_sep1330_enums: elicits('Lets the user choose.', {
    untitledSingle: { type: 'string', enum: asked },
    titledSingle: { type: 'string', oneOf: titled },
    legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['One', 'Two', 'Three'] },
    untitledMulti: { type: 'array', items: { type: 'string', enum: asked } },
    titledMulti: { type: 'array', items: { anyOf: titled } },
  }),
}
