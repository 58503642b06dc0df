import type { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'

const args = z.object({
  dataset: z.string().optional().describe('The data set to train on. Defaults to one that fits the request.'),
  test_dataset: z.string().optional().describe('The data set to measure on. Defaults to one with the same labels.'),
})

/** Registers `choose_adapter`, which leads an agent through trying several methods and choosing an adapter. */
export function registerPrompts(server: McpServer): void {
  server.registerPrompt(
    'choose_adapter',
    {
      title: 'Try several methods and choose an adapter',
      description: 'Plan, train and compare several adapters on one data set, then recommend one.',
      argsSchema: args,
    },
    (given) => ({ messages: [{ role: 'user', content: { type: 'text', text: chooseAdapterText(given) } }] }),
  )
}

function chooseAdapterText({ dataset, test_dataset }: z.infer<typeof args>): string {
  const train = dataset === undefined ? 'a data set that I name or that fits my request' : `the data set ${dataset}`
  const test = test_dataset === undefined ? 'another data set with the same labels' : `the data set ${test_dataset}`
  return `Help me find an adapter that classifies well and costs little. Use the tools of Graft.

1. Call list_datasets. Train on ${train}. Measure on ${test}. If there is no data set to train or measure on, ask me for labeled reviews and add them with add_dataset.
2. Call count_parameters for lora with rank 1, lora with rank 8, and bottleneck with bottleneck 8. Show me how many parameters each trains.
3. Call launch_training with plan_only: true for each. Tell me how many seconds and how much memory each needs. Also tell me how many test reviews are in the training data, because they make the accuracy look better than it is. If all trainings together take more than ten minutes, wait for my approval.
4. Launch each training with its own name and its own idempotency_key. If a call is cut off, repeat it with the same key. It starts nothing twice.
5. Follow each training: call get_training with wait_seconds: 30 until it ends. If one fails, tell me its error and the suggested fix.
6. Call compare_adapters with the adapters that succeeded, on the data set to measure on. Quote its verdict. If it cannot tell, say so plainly and prefer the smaller adapter.
7. Call classify_reviews with adapters for five of my reviews. Show me where the adapters differ.
8. Recommend one adapter and give the numbers that support it. If I approve, call promote_adapter with the alias production and the comparison.`
}
