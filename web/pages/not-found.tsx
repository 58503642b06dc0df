import { PageHead } from '../parts/head.tsx'

export const NotFoundPage = () => (
  <>
    <PageHead title="Not found" />
    <p>
      There is no page at this address. The <a href="/">overview</a> leads to all of them.
    </p>
  </>
)
