// An address that leads nowhere: says so, and where one may have wanted to go.
import type { JSX } from 'preact'
import { Link } from 'wouter-preact'
import { Empty } from '../parts/surface.tsx'

export function NotFoundPage(): JSX.Element {
  return (
    <Empty icon="search" title="There is no page at this address">
      <p>
        Perhaps the <Link href="/topics">topics</Link>, the <Link href="/apps">apps</Link> or the{' '}
        <Link href="/dashboards">dashboards</Link>?
      </p>
    </Empty>
  )
}
