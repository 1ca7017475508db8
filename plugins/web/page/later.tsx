// plugins/web/page/later.tsx: around a section: while its code is on the way, and when it cannot come.
import { Button, Skeleton } from '@mantine/core'
import { Component, type ReactNode, Suspense } from 'react'
import { SectionHead } from './marks.tsx'

export function Later({ children }: { children: ReactNode }) {
  return (
    <Missing>
      <Suspense fallback={<Skeleton height={320} radius="lg" aria-label="Loading" />}>{children}</Suspense>
    </Missing>
  )
}

/** After an update of Pryx an open page asks for parts that are no longer there. */
class Missing extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false }

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true }
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children
    return (
      <SectionHead title="This part could not be shown" note="Pryx may have been updated since the page was opened.">
        <Button onClick={() => location.reload()}>Load the page again</Button>
      </SectionHead>
    )
  }
}
