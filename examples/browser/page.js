// Classifies the text of the form with the model beside this page. Nothing is sent anywhere.
import { env } from '@huggingface/transformers'

// The export has its own program, which examples/browser.ts writes beside this file.
const { loadClassifier } = await import(new URL('./model/classify.js', import.meta.url))

// Everything comes from this folder, not from the Hub or a CDN.
env.allowRemoteModels = false
env.allowLocalModels = true
env.localModelPath = new URL('.', import.meta.url).pathname
env.backends.onnx.wasm.wasmPaths = new URL('./vendor/', import.meta.url).href

const form = document.querySelector('form')
const output = document.querySelector('output')

/** The function that classifies a text, once the model is loaded. */
export const classifier = loadClassifier('model', { dtype: 'q8' })

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  const start = performance.now()
  const { label, score } = await (await classifier)(form.elements.text.value)
  output.value = `${label}, ${(100 * score).toFixed(1)} %, in ${Math.round(performance.now() - start)} ms`
})

classifier.then(
  () => {
    output.value = 'Ready.'
    form.querySelector('button').disabled = false
  },
  (error) => {
    output.value = `The model cannot be loaded: ${error.message}`
  },
)
