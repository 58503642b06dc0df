import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  createRequestStateCodec,
  type InputRequest,
  inputRequired,
  inputResponse,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import { type SuiteTool, toText } from './tool.ts'

/** Signs the state that the client keeps between two rounds. */
export const states = createRequestStateCodec<string>({ key: 'not a secret: these are the states of a test' })

const nameSchema = z.object({ name: z.string() })
const confirmSchema = z.object({ ok: z.boolean() })
const colorSchema = z.object({ color: z.string() })

const elicit = (message: string, requestedSchema: z.ZodObject) => inputRequired.elicit({ message, requestedSchema })
const sample = (text: string, maxTokens: number) =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text } }], maxTokens })

const requireInput = (inputRequests: Record<string, InputRequest>) => inputRequired({ inputRequests })
const requireInputWithState = async (state: string, inputRequests: Record<string, InputRequest>) =>
  inputRequired({ inputRequests, requestState: await states.mint(state) })

export const askName = () => requireInput({ user_name: elicit('What is your name?', nameSchema) })
export const nameIn = ({ mcpReq }: ServerContext) =>
  acceptedContent(mcpReq.inputResponses, 'user_name', nameSchema)?.name

const withState: SuiteTool = {
  description: 'Asks, and leaves a signed state with the client.',
  async call(_, { mcpReq }) {
    const { ok } = acceptedContent(mcpReq.inputResponses, 'confirm', confirmSchema) ?? {}
    return ok && mcpReq.requestState<string>() === 'asked'
      ? toText('state-ok')
      : requireInputWithState('asked', { confirm: elicit('Please confirm', confirmSchema) })
  },
}

/** Tools that request input of the client before they return a result. */
export const inputTools: Readonly<Record<string, SuiteTool>> = {
  test_input_required_result_elicitation: {
    description: 'Asks the user for a name.',
    async call(_, context) {
      const name = nameIn(context)
      return name === undefined ? askName() : toText(`Hello, ${name}!`)
    },
  },
  test_input_required_result_sampling: {
    description: 'Asks the model of the client.',
    async call(_, { mcpReq }) {
      const answer = inputResponse(mcpReq.inputResponses, 'capital_question')
      return answer.kind === 'sampling'
        ? toText(JSON.stringify(answer.result.content))
        : requireInput({ capital_question: sample('What is the capital of France?', 100) })
    },
  },
  test_input_required_result_list_roots: {
    description: 'Asks for the roots of the client.',
    async call(_, { mcpReq }) {
      const answer = inputResponse(mcpReq.inputResponses, 'client_roots')
      return answer.kind === 'roots'
        ? toText(answer.roots.map(({ uri }) => uri).join(' '))
        : requireInput({ client_roots: inputRequired.listRoots() })
    },
  },
  test_input_required_result_request_state: withState,
  test_input_required_result_tampered_state: withState,
  test_input_required_result_multiple_inputs: {
    description: 'Asks for three things at once.',
    async call(_, { mcpReq }) {
      const requests = {
        user_name: elicit('What is your name?', nameSchema),
        greeting: sample('Generate a greeting', 50),
        client_roots: inputRequired.listRoots(),
      }
      const missing = Object.keys(requests).some((key) => mcpReq.inputResponses?.[key] === undefined)
      return missing ? requireInputWithState('three', requests) : toText('All three are here.')
    },
  },
  test_input_required_result_multi_round: {
    description: 'Asks twice, one after the other.',
    async call(_, { mcpReq }) {
      const state = mcpReq.requestState<string>()
      const { name } = acceptedContent(mcpReq.inputResponses, 'step1', nameSchema) ?? {}
      if (name !== undefined && state === 'first')
        return requireInputWithState(`second for ${name}`, {
          step2: elicit('Step 2: What is your favorite color?', colorSchema),
        })
      const { color } = acceptedContent(mcpReq.inputResponses, 'step2', colorSchema) ?? {}
      if (color !== undefined && state?.startsWith('second for ')) return toText(`${state.slice(11)} likes ${color}.`)
      return requireInputWithState('first', { step1: elicit('Step 1: What is your name?', nameSchema) })
    },
  },
  test_input_required_result_capabilities: {
    description: 'Asks for everything that the client declares.',
    async call(_, { mcpReq }) {
      const envelope = mcpReq.envelope as { [CLIENT_CAPABILITIES_META_KEY]?: ClientCapabilities } | undefined
      const { sampling, elicitation } = envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? {}
      const requests = {
        ...(sampling && { thought: sample('Anything?', 10) }),
        ...(elicitation && { user_name: elicit('What is your name?', nameSchema) }),
      }
      const left = Object.entries(requests).filter(([key]) => mcpReq.inputResponses?.[key] === undefined)
      return left.length > 0 ? requireInput(Object.fromEntries(left)) : toText('Nothing more to ask.')
    },
  },
}
