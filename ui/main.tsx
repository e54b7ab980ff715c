// The page's entry: routes below the base path, embeds without the frame.
import { render } from 'preact'
import { Route, Router, Switch } from 'wouter-preact'
import { routerBase } from './frame/location.ts'
import { Shell } from './frame/shell.tsx'
import { Shortcuts } from './frame/shortcuts.tsx'
import { TokenDialog } from './frame/token-dialog.tsx'
import { AppPage } from './pages/app.tsx'
import { AppsPage } from './pages/apps.tsx'
import { DashboardPage } from './pages/dashboard.tsx'
import { DashboardsPage } from './pages/dashboards.tsx'
import { DeadLetterTopicsPage } from './pages/dead-letter-topics.tsx'
import { DeadLettersPage } from './pages/dead-letters.tsx'
import { EmbedDashboard, EmbedWidget } from './pages/embed.tsx'
import { NotFoundPage } from './pages/not-found.tsx'
import { OverviewPage } from './pages/overview.tsx'
import { TopicPage } from './pages/topic.tsx'
import { TopicsPage } from './pages/topics.tsx'

function Page() {
  return (
    <Router base={routerBase}>
      <Switch>
        <Route path="/embed/w/:widget">{({ widget }) => <EmbedWidget key={widget} id={widget} />}</Route>
        <Route path="/embed/d/:dashboard">
          {({ dashboard }) => <EmbedDashboard key={dashboard} id={dashboard} />}
        </Route>
        <Route>
          <Shell>
            <Switch>
              <Route path="/" component={OverviewPage} />
              <Route path="/topics" component={TopicsPage} />
              <Route path="/topics/:topic">{({ topic }) => <TopicPage key={topic} topic={topic} />}</Route>
              <Route path="/apps" component={AppsPage} />
              <Route path="/apps/:app">{({ app }) => <AppPage key={app} id={app} />}</Route>
              <Route path="/dlq" component={DeadLetterTopicsPage} />
              <Route path="/dlq/:topic">{({ topic }) => <DeadLettersPage key={topic} topic={topic} />}</Route>
              <Route path="/dashboards" component={DashboardsPage} />
              <Route path="/dashboards/:id">{({ id }) => <DashboardPage key={id} id={id} />}</Route>
              <Route component={NotFoundPage} />
            </Switch>
          </Shell>
          <Shortcuts />
          <TokenDialog />
        </Route>
      </Switch>
    </Router>
  )
}

const root = document.querySelector('#page')
if (root) {
  root.replaceChildren()
  render(<Page />, root)
}
