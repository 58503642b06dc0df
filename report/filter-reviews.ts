/** The parts of the document that the filters use. The browser's own types are not known here. */
interface PageElement extends PageRoot {
  hidden: boolean
  textContent: string | null
  value: string
  dataset: Readonly<Record<string, string | undefined>>
  addEventListener(event: string, listen: (event: { preventDefault(): void }) => void): void
}

export interface PageRoot {
  querySelector(selector: string): unknown
  querySelectorAll(selector: string): Iterable<unknown>
}

/**
 * Makes the filters of the reviews in a page work. It uses nothing outside of itself, because pages contain its text as
 * a script.
 */
export function filterReviews(root: PageRoot): void {
  const form = root.querySelector('.filters') as PageElement | null
  if (!form) return
  const find = (selector: string) => root.querySelector(`.filters ${selector}`) as PageElement
  const reviews = [...root.querySelectorAll('.review')] as PageElement[]
  const texts = reviews.map((review) => (review.querySelector('.text') as PageElement).textContent ?? '')
  const [label, right, wrong] = ['label', 'right', 'wrong'].map((name) => find(`[name=${name}]`))
  const text = find('[name=text]')
  const status = find('[role=status]')
  const includes = (list: string | undefined, value: string) =>
    value === '' || (list ?? '').split(' ').indexOf(value) >= 0
  const show = () => {
    const words = text.value.trim().toLowerCase()
    let count = 0
    for (const [i, review] of reviews.entries()) {
      const { dataset } = review
      const isShown =
        includes(dataset.label, label.value) &&
        includes(dataset.right, right.value) &&
        includes(dataset.wrong, wrong.value) &&
        texts[i].toLowerCase().indexOf(words) >= 0
      review.hidden = !isShown
      if (isShown) count++
    }
    status.textContent = `${count} of ${reviews.length} shown`
  }
  form.addEventListener('input', show)
  form.addEventListener('submit', (event) => event.preventDefault())
  form.hidden = false
  show()
}
