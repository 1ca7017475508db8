// plugins/web/page/main.tsx: starts the page.
import { MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { createRoot } from 'react-dom/client'
import { parseRoute } from './address.ts'
import { App } from './app.tsx'
import { connect } from './connection.ts'
import { tell } from './store.ts'
import { theme } from './theme.ts'
import { viewReady } from './views.tsx'
import './page.css'

connect(tell)
await viewReady(parseRoute(location.hash).section) // begun by begin.ts: as a rule it is there
createRoot(document.getElementById('root')!).render(
  // Styles come from the built sheet alone: the content security policy allows no style element.
  <MantineProvider theme={theme} defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
    <Notifications position="bottom-right" limit={4} autoClose={10_000} />
    <App />
  </MantineProvider>,
)
