// Finds the route of a request and runs it. Elysia matches paths; what it would do to bodies, queries and errors is
// done here, strictly and the same for every route. Nothing outside this file and document.ts knows of Elysia.
import { Elysia } from 'elysia'
import {
  AssertionError,
  BrokerError,
  type Clock,
  type Histogram,
  type Logger,
  type Metrics,
  toError,
} from '#base'
import { problemResponse } from './answer.ts'
import { type BodyReader, decodeText, mediaType, parseJson } from './body.ts'
import type { Problem } from './contract.ts'
import { type HotPath, hotPath } from './hot-path.ts'
import type { HttpLimits } from './limits.ts'
import { bugProblem, methodProblem, problemOf } from './problem.ts'
import { parseQuery } from './query.ts'
import type { Call, Route } from './route.ts'
import type { Gate } from './security.ts'
import { checkShape } from './shape.ts'

export type RouterOptions = {
  readonly routes: readonly Route[]
  readonly gate: Gate
  readonly bodies: BodyReader
  readonly limits: HttpLimits
  readonly metrics: Metrics
  readonly clock: Clock
  readonly logger: Logger
  /** Path in front of every route, '' for none. */
  readonly basePath: string
  wait(request: Request): { readonly signal: AbortSignal; done(): void }
  /** Answers what no route does, or null. */
  fallback(request: Request, path: string): Response | Promise<Response> | null
  /** A broken invariant came up: the node should stop. */
  onBroken(error: Error): void
}

export type Router = (request: Request) => Response | Promise<Response>

/** What Elysia hands to a handler, as far as we look. */
type Context = { readonly request: Request; readonly params?: Record<string, string | null> }

export function createRouter(options: RouterOptions): Router {
  const app = new Elysia({
    prefix: options.basePath,
    normalize: false,
    nativeStaticResponse: false,
    // Otherwise hosts shorter than three letters ("http://pi/") lose the beginning of their path.
    handler: { standardHostname: false },
  })
  const answers = new Answers(options)
  const hot: HotRoute[] = []
  for (const route of options.routes) {
    const run = answers.forRoute(route)
    if (route.isHot) hot.push({ method: route.method, path: hotPath(options.basePath + route.path), run })
    // The destructuring tells Elysia which parts of the context to prepare: none that costs.
    app.route(route.method, route.path, ({ request, params }: Context) => run(request, params), {
      parse: 'none',
    })
  }
  const other = answers.forOthers(options.routes)
  app.all('/', ({ request }: Context) => other(request), { parse: 'none' })
  app.all('/*', ({ request }: Context) => other(request), { parse: 'none' })
  app.compile()
  return withHot(hot, app.fetch as Router)
}

type HotRoute = {
  readonly method: string
  readonly path: HotPath
  run(request: Request, params: Params): Response | Promise<Response>
}

/** Hot routes first, without the framework between them and the request. */
function withHot(hot: readonly HotRoute[], router: Router): Router {
  return (request) => {
    const { method, url } = request
    for (const route of hot) {
      if (route.method !== method) continue
      const found = route.path.find(url)
      if (found !== null) return route.run(request, { [route.path.parameter]: found })
    }
    return router(request)
  }
}

type Params = Record<string, string | null> | undefined

class Answers {
  readonly #options: RouterOptions

  constructor(options: RouterOptions) {
    this.#options = options
  }

  forRoute(route: Route): (request: Request, params: Params) => Response | Promise<Response> {
    const observe = this.#observer(`${route.method} ${route.path}`)
    const { clock } = this.#options
    return (request, params) => {
      const startedAt = clock.monotonic()
      const finish = (response: Response) => {
        observe(response.status, clock.monotonic() - startedAt)
        return response
      }
      try {
        const answer = this.#run(route, request, params)
        if (answer instanceof Response) return finish(answer)
        return answer.then(finish, (thrown) => finish(this.failure(thrown, request)))
      } catch (thrown) {
        return finish(this.failure(thrown, request))
      }
    }
  }

  #run(route: Route, request: Request, params: Params): Response | Promise<Response> {
    const { gate, bodies, limits } = this.#options
    gate.checkToken(request, route.access)
    const query = parseQuery(route.query, request.url)
    const call: Call = {
      request,
      params: checkParams(params),
      query,
      body: undefined,
      limits,
      admits: (access) => gate.admits(request, access),
      withBody: (use) => bodies.with(request, use),
      wait: () => this.#options.wait(request),
      report: (thrown) => this.#report(thrown, request),
    }
    const shape = route.body
    if (shape === undefined) return route.handle(call)
    mediaType(request, ['application/json'])
    return bodies.with(request, (bytes) => {
      const body = checkShape(shape, parseJson(decodeText(bytes)))
      return route.handle({ ...call, body })
    })
  }

  /** What is no route: the UI, a wrong method, or nothing. */
  forOthers(routes: readonly Route[]): (request: Request) => Response | Promise<Response> {
    const { basePath, fallback } = this.#options
    const patterns = routes.map(({ method, path }) => ({
      method,
      pattern: new RegExp(`^${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:\w+/g, '[^/]+')}/?$`),
    }))
    return (request) => {
      try {
        const path = new URL(request.url).pathname.slice(basePath.length)
        const allowed = patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method)
        if (allowed.length > 0) return problemResponse(methodProblem(request.method, path, withHead(allowed)))
        const answer = fallback(request, path === '' ? '/' : path)
        if (answer !== null) return answer
        throw new BrokerError('not_found', `there is no route ${request.method} ${path.slice(0, 200)}`, {
          fix: `${basePath}/swagger lists every route of this version`,
        })
      } catch (thrown) {
        return this.failure(thrown, request)
      }
    }
  }

  failure(thrown: unknown, request: Request): Response {
    return problemResponse(this.#report(thrown, request))
  }

  /** The one place where a failure becomes an answer, and where a bug is reported. */
  #report(thrown: unknown, request: Request): Problem {
    const { logger, onBroken } = this.#options
    const about = { err: toError(thrown), method: request.method, path: new URL(request.url).pathname }
    if (thrown instanceof BrokerError) {
      const isOurs = thrown.code === 'corrupt' || thrown.code === 'disk_failed'
      if (isOurs) logger.error(about, 'a request met a damaged or failed disk')
      return problemOf(thrown)
    }
    logger.error(about, 'a request met a bug')
    if (thrown instanceof AssertionError) onBroken(thrown)
    return bugProblem()
  }

  #observer(route: string): (status: number, tookMs: number) => void {
    const series = new Map<number, Histogram>()
    return (status, tookMs) => {
      let histogram = series.get(status)
      if (histogram === undefined) {
        const help = 'Time to answer an HTTP request; of a stream, to its first byte'
        const labels = { route, code: String(status) }
        histogram = this.#options.metrics.histogram('pspf_http_request_duration_seconds', help, labels)
        series.set(status, histogram)
      }
      histogram.observe(tookMs / 1000)
    }
  }
}

/** Elysia answers null for a parameter whose percent-escapes are no UTF-8. */
function checkParams(params: Params): Readonly<Record<string, string>> {
  for (const name in params) {
    if (params[name] !== null) continue
    throw new BrokerError('invalid_request', `the path is malformed where it names the ${name}`, {
      fix: 'percent-encode the name as UTF-8',
    })
  }
  return (params ?? {}) as Record<string, string>
}

const withHead = (methods: readonly string[]) => (methods.includes('GET') ? [...methods, 'HEAD'] : methods)
