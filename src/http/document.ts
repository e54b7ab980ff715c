// The OpenAPI document, made from the routes that are served. The plugin runs on a private instance that never listens:
// its own page would load scripts from elsewhere.
import { Elysia } from 'elysia'
import { models } from './models.ts'
import type { AnswerShape, RouteDescription } from './route.ts'
import { named, type TSchema } from './shape.ts'

export type DocumentOptions = {
  readonly version: string
  /** '' for none. */
  readonly basePath: string
}

/** OpenAPI 3.0.3, as JSON text. */
export async function createDocument(
  routes: readonly RouteDescription[],
  options: DocumentOptions,
): Promise<string> {
  const { swagger } = await import('@elysiajs/swagger')
  const tags = [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name }))
  const app = new Elysia().use(
    swagger({
      path: '/page',
      specPath: '/document',
      excludeStaticFile: false,
      documentation: {
        info: {
          title: 'pspf',
          version: options.version,
          description: 'A durable log, exactly-once stream apps and live dashboards in one executable.',
          license: { name: 'Apache-2.0' },
        },
        servers: [{ url: options.basePath === '' ? '/' : options.basePath }],
        tags,
        components: {
          schemas: models as Record<string, object>,
          securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
        },
      },
    }),
  )
  for (const route of routes) {
    // Everything is said in `detail`, in OpenAPI's own words: what the plugin derives from schemas lists three media
    // types for each body and loses `additionalProperties`.
    app.route(route.method, route.path, () => '', { detail: describeOperation(route) as object })
  }
  const response = await app.handle(new Request('http://localhost/document'))
  return JSON.stringify(inOrder((await response.json()) as Document))
}

type Document = { openapi: string; info: object; [part: string]: unknown }

const inOrder = ({ openapi, info, ...rest }: Document) => ({ openapi, info, ...rest })

function describeOperation(route: RouteDescription): Record<string, unknown> {
  return {
    operationId: route.operation,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    parameters: [...pathParameters(route.path), ...queryParameters(route)],
    ...describeBody(route),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.answers).map(([status, answer]) => [status, describe(answer)]),
      ),
      default: {
        description: 'what went wrong, why, and what to do about it',
        content: { 'application/problem+json': { schema: named('Problem') } },
      },
    },
    // An empty requirement beside the token: a server on loopback asks for none.
    security: route.access === 'public' ? [] : [{ token: [] }, {}],
  }
}

function pathParameters(path: string): object[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    in: 'path',
    name,
    required: true,
    schema: { type: 'string' },
  }))
}

function queryParameters({ query }: RouteDescription): object[] {
  return Object.entries(query?.properties ?? {}).map(([name, { description, ...schema }]) => ({
    in: 'query',
    name,
    required: false,
    ...(description === undefined ? {} : { description }),
    schema,
  }))
}

function describeBody({ body, rawBodies }: RouteDescription): object {
  const bodies: Readonly<Record<string, TSchema>> | undefined =
    rawBodies ?? (body === undefined ? undefined : { 'application/json': body })
  if (bodies === undefined) return {}
  const content = Object.entries(bodies).map(([mediaType, schema]) => [mediaType, { schema }])
  return { requestBody: { required: true, content: Object.fromEntries(content) } }
}

function describe({ description, schema, mediaTypes = ['application/json'] }: AnswerShape): object {
  if (schema === undefined) return { description }
  return { description, content: Object.fromEntries(mediaTypes.map((mediaType) => [mediaType, { schema }])) }
}
