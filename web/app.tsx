import { KeyGate } from './parts/key-gate.tsx'
import { Layout } from './parts/layout.tsx'
import { ProblemBox } from './parts/problem.tsx'
import { Loading } from './parts/states.tsx'
import { useAddress } from './router.ts'
import { findRoute, mayOpen } from './routes.tsx'
import { openSession, useSession } from './session.ts'

/** The page at the current address, once the server has said what this session may do. */
export function App() {
  const address = useAddress()
  const session = useSession()
  if (session.state === 'opening') return <Loading what="Connecting" />
  if (session.state === 'locked') return <KeyGate error={session.error} />
  if (session.state === 'failed')
    return (
      <main class="gate">
        <h1>Graft</h1>
        <ProblemBox error={session.error} onRetry={() => void openSession()} />
      </main>
    )
  const { route, params } = findRoute(address)
  const Page = route.page
  return (
    <Layout section={route.section} hasKey={session.hasKey}>
      {mayOpen(route) ? (
        <Page key={address.split('?')[0]} params={params} address={address} />
      ) : (
        <>
          <h1>{route.title}</h1>
          <p>
            Your key does not have the scope <code>{route.scope}</code>, which this page needs. Ask for another key, or
            create one with <code>graft key create</code>.
          </p>
        </>
      )}
    </Layout>
  )
}
