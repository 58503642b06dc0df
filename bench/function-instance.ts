/**
 * The loop that a function platform runs in an instance: it fetches events from the Lambda Runtime API, one after the
 * other, and calls the handler with them. It imports nothing, because Node runs a copy of it next to the files of the
 * function.
 */
const { AWS_LAMBDA_RUNTIME_API, LAMBDA_TASK_ROOT, _HANDLER = '' } = process.env
const runtime = `http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`
const send = (path: string, value: unknown) =>
  fetch(`${runtime}/${path}`, { method: 'POST', body: JSON.stringify(value) })
const toErrorBody = (error: unknown) => ({ errorMessage: String(error) })

const dot = _HANDLER.lastIndexOf('.')
const module = await import(`${LAMBDA_TASK_ROOT}/${_HANDLER.slice(0, dot)}.js`).catch(async (error) => {
  await send('init/error', toErrorBody(error))
  process.exit(1)
})
for (;;) {
  const next = await fetch(`${runtime}/invocation/next`)
  const id = next.headers.get('lambda-runtime-aws-request-id')
  const deadline = Number(next.headers.get('lambda-runtime-deadline-ms'))
  const context = { awsRequestId: id, getRemainingTimeInMillis: () => deadline - Date.now() }
  await module[_HANDLER.slice(dot + 1)](await next.json(), context).then(
    (response: unknown) => send(`invocation/${id}/response`, response),
    (error: unknown) => send(`invocation/${id}/error`, toErrorBody(error)),
  )
}
