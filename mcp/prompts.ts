import type { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'

const args = z.object({
  dataset: z.string().optional().describe('the data set to train on'),
  test_dataset: z.string().optional().describe('the data set to measure on'),
})

/** `choose_adapter`: how an agent tries a few methods and chooses among what they made. */
export function registerPrompts(server: McpServer): void {
  server.registerPrompt(
    'choose_adapter',
    {
      title: 'Try a few methods and choose an adapter',
      description: 'Walks through planning, training and comparing adapters on one data set.',
      argsSchema: args,
    },
    (given) => ({ messages: [{ role: 'user', content: { type: 'text', text: steps(given) } }] }),
  )
}

function steps({ dataset, test_dataset }: z.infer<typeof args>): string {
  const data = dataset === undefined ? 'a data set that I name or that fits what I ask' : `the data set ${dataset}`
  const test = test_dataset === undefined ? 'one of the others with the same labels' : `the data set ${test_dataset}`
  return `Help me to find an adapter that classifies well and costs little, with the tools of Graft.

1. Call list_datasets. Train on ${data}; measure on ${test}. If there is none to measure on, say so before you go on.
2. Call count_parameters for lora with rank 1, lora with rank 8, and bottleneck with bottleneck 8. Show me what each would train.
3. Call launch_training with plan_only: true for each. Tell me the seconds and the memory that each needs, and how many test reviews stand in the training data; any of those makes the accuracy look better than it is. Wait for my word if it takes longer than ten minutes in all.
4. Launch each with a name and an idempotency_key of its own. When a call is cut off, repeat it with the same key: it starts nothing twice.
5. Follow each with get_training and wait_seconds: 30 until it has ended. If one fails, tell me its error and what it says to do.
6. Call compare_adapters with those that succeeded, on the data to measure on. Tell me its verdict as it stands; where it cannot tell, say so plainly, and prefer the smaller adapter.
7. Let the candidates answer five of my reviews with classify_reviews and adapters, and show me where they differ.
8. Recommend one, with the numbers that speak for it.`
}
