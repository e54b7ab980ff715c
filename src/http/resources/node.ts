// The node itself: health, probes, metrics, overview, diagnostics, configuration.
import { json, text } from '../answer.ts'
import type { Diagnostics, Probe } from '../contract.ts'
import { one } from '../models.ts'
import { type Route, type RouteDescription, route } from '../route.ts'
import type { Services } from '../services.ts'
import { t } from '../shape.ts'

const prometheus = 'text/plain; version=0.0.4; charset=utf-8'

export function nodeRoutes({ facts, metrics }: Services): Route[] {
  return [
    route(
      {
        ...get('/health', 'health', 'Is everything well?'),
        access: 'public',
        description: 'Where tokens are asked for, only a caller with one is told which files are damaged.',
        answers: { 200: one('Health', 'ok or degraded'), 503: one('Health', 'down') },
      },
      (call) => {
        const health = facts.health({ withNames: call.admits('read') })
        return json(health, health.status === 'down' ? 503 : 200)
      },
    ),
    probe('/livez', 'Does it run?', () => facts.live()),
    probe('/readyz', 'Does it take traffic?', () => facts.ready()),
    probe('/startupz', 'Has it started?', () => facts.started()),
    route(
      {
        ...get('/metrics', 'metrics', 'Metrics for Prometheus'),
        answers: {
          200: { description: 'text format 0.0.4', schema: t.String(), mediaTypes: ['text/plain'] },
        },
      },
      () => text(metrics.text(), prometheus),
    ),
    route(
      {
        ...get('/api/v1/overview', 'overview', 'What the first page of the UI shows'),
        answers: { 200: one('Overview', 'verdict, rates, disk, events') },
      },
      () => json(facts.overview()),
    ),
    route(
      {
        ...get('/api/v1/diagnostics', 'diagnostics', 'Every check, with its finding'),
        answers: { 200: one('Diagnostics', 'checks and their verdict') },
      },
      () => {
        const { status, checks } = facts.health({ withNames: true })
        return json({ status, checks } satisfies Diagnostics)
      },
    ),
    route(
      {
        ...get('/api/v1/config', 'config', 'The running configuration, secrets removed'),
        answers: {
          200: { description: 'setting by setting', schema: t.Object({}, { additionalProperties: true }) },
        },
      },
      () => json(facts.config()),
    ),
  ]
}

type Get = Omit<RouteDescription, 'answers'>

const get = (path: string, operation: string, summary: string): Get => ({
  method: 'GET',
  path,
  access: 'read',
  tag: 'node',
  operation,
  summary,
})

function probe(path: string, summary: string, ask: () => Probe): Route {
  return route(
    {
      ...get(path, path.slice(1), summary),
      access: 'public',
      answers: { 200: one('Probe', 'yes'), 503: one('Probe', 'no, with the reason') },
    },
    () => {
      const answer = ask()
      return json(answer, answer.status === 'ok' ? 200 : 503)
    },
  )
}
