import { beforeAll, describe, expect, test } from 'bun:test'
import type * as contract from '#http'
import type { models } from '../../src/http/models.ts'
import { allRoutes } from '../../src/http/server.ts'
import type { Static } from '../../src/http/shape.ts'
import { startHarness } from './harness.ts'

type Json = Record<string, unknown>
type Operation = Json & { operationId: string; parameters: Json[]; responses: Record<string, Json> }
type Document = {
  openapi: string
  info: Json
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Json>; securitySchemes: Json }
  tags: { name: string }[]
}

let document: Document
let routes: ReturnType<typeof allRoutes>

beforeAll(async () => {
  await using h = await startHarness()
  document = (await (await h.ask('/swagger/json')).json()) as Document
  routes = allRoutes(h.services)
})

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )

/** Members that a schema may have in OpenAPI 3.0, of those we use or a generator might put in. */
const schemaMembers = new Set(
  'type properties required additionalProperties items enum minimum maximum minLength maxLength minItems maxItems nullable description $ref'.split(
    ' ',
  ),
)

function checkSchema(schema: Json, where: string): void {
  for (const member of Object.keys(schema))
    expect({ where, known: schemaMembers.has(member), member }).toMatchObject({ known: true })
  if (schema['$ref'] !== undefined) {
    const name = /^#\/components\/schemas\/(\w+)$/.exec(String(schema['$ref']))?.[1]
    expect({ where, exists: name !== undefined && name in document.components.schemas }).toEqual({
      where,
      exists: true,
    })
    expect(Object.keys(schema)).toEqual(['$ref'])
    return
  }
  const type = schema['type']
  if (type !== undefined)
    expect(['object', 'array', 'string', 'number', 'integer', 'boolean']).toContain(type as string)
  if (type === 'array') checkSchema(schema['items'] as Json, `${where}[]`)
  const properties = (schema['properties'] ?? {}) as Record<string, Json>
  for (const [name, property] of Object.entries(properties)) checkSchema(property, `${where}.${name}`)
  for (const name of (schema['required'] ?? []) as string[]) expect(Object.keys(properties)).toContain(name)
  const rest = schema['additionalProperties']
  if (typeof rest === 'object') checkSchema(rest as Json, `${where}.*`)
}

function checkContent(content: unknown, where: string): void {
  for (const [mediaType, { schema }] of Object.entries(content as Record<string, { schema: Json }>)) {
    expect(mediaType).toMatch(/^\w+\/[\w.+-]+$/)
    checkSchema(schema, `${where} ${mediaType}`)
  }
}

describe('the OpenAPI document', () => {
  test('is of version 3.0 and says what it describes', () => {
    expect(document.openapi).toBe('3.0.3')
    expect(document.info).toMatchObject({ title: 'pspf', version: '0.0.0-test' })
    expect(Object.keys(document)[0]).toBe('openapi')
  })

  test('describes exactly the routes that are served', () => {
    const described = operations().map(({ path, method }) => `${method.toUpperCase()} ${path}`)
    const served = routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
    expect(described.toSorted()).toEqual([...served, 'GET /swagger/json'].toSorted())
  })

  test('names each operation once, in one word, under a known tag', () => {
    const ids = operations().map(({ operation }) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ids) expect(id).toMatch(/^[a-zA-Z]+$/)
    const tags = document.tags.map(({ name }) => name)
    for (const { operation } of operations()) {
      expect(tags).toContain((operation['tags'] as string[])[0]!)
      expect(String(operation['summary']).length).toBeGreaterThan(5)
    }
  })

  test('lists every parameter of a path, and gives each parameter a schema', () => {
    for (const { path, operation } of operations()) {
      const inPath = operation.parameters.filter((one) => one['in'] === 'path')
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      expect(inPath.map((one) => one['name'])).toEqual(named)
      for (const one of operation.parameters) {
        expect(one['required']).toBe(one['in'] === 'path')
        checkSchema(one['schema'] as Json, `${path} ${one['name']}`)
      }
    }
  })

  test('has valid schemas for every body and every answer', () => {
    for (const { path, method, operation } of operations()) {
      const where = `${method} ${path}`
      const body = operation['requestBody'] as Json | undefined
      if (body) checkContent(body['content'], where)
      if (body) expect(['post', 'patch']).toContain(method)
      expect(Object.keys(operation.responses)).toContain('default')
      for (const [status, response] of Object.entries(operation.responses)) {
        expect(status).toMatch(/^([2-5]\d\d|default)$/)
        expect(String(response['description']).length).toBeGreaterThan(0)
        for (const member of Object.keys(response)) expect(['description', 'content']).toContain(member)
        checkContent(response['content'] ?? {}, `${where} ${status}`)
      }
    }
    for (const [name, schema] of Object.entries(document.components.schemas)) checkSchema(schema, name)
  })

  test('asks for the token where the server does', () => {
    expect(document.components.securitySchemes).toEqual({ token: { type: 'http', scheme: 'bearer' } })
    for (const { path, method, operation } of operations()) {
      const route = routes.find(
        (one) => one.method.toLowerCase() === method && one.path.replaceAll(/:(\w+)/g, '{$1}') === path,
      )
      const isOpen = (route?.access ?? 'public') === 'public'
      expect({ path, security: operation['security'] }).toEqual({
        path,
        security: isOpen ? [] : [{ token: [] }, {}],
      })
    }
  })

  test('names nothing of the framework', () => {
    expect(JSON.stringify(document)).not.toMatch(/elysia|\$id|patternProperties|"const"|"anyOf"/i)
  })
})

/** Compiles only if each value of the contract has the shape that the document gives it. */
type Fits<Value, Shape> = [Value] extends [Shape] ? true : { value: Value; shape: Shape }
type Model<Name extends keyof typeof models> = Static<(typeof models)[Name]>
/** Without `readonly` and brands, which say nothing about JSON. */
type Mutable<T> = T extends number
  ? number
  : T extends object
    ? { -readonly [K in keyof T]: Mutable<T[K]> }
    : T

test('the contract has the shapes that the document gives', () => {
  const fits: true[] = [
    true satisfies Fits<contract.TopicSummary, Model<'TopicSummary'>>,
    true satisfies Fits<contract.TopicDetail, Model<'TopicDetail'>>,
    true satisfies Fits<contract.ProduceAnswer, Model<'ProduceAnswer'>>,
    true satisfies Fits<contract.TruncateAnswer, Model<'TruncateAnswer'>>,
    true satisfies Fits<contract.GroupSummary, Model<'Group'>>,
    true satisfies Fits<contract.ResetAnswer, Model<'ResetAnswer'>>,
    true satisfies Fits<Mutable<contract.TableSummary>, Model<'Table'>>,
    true satisfies Fits<Mutable<contract.TableRows>, Model<'TableRows'>>,
    true satisfies Fits<Mutable<contract.DeadLetterTopic>, Model<'DeadLetterTopic'>>,
    true satisfies Fits<contract.DeadLettersPage, Model<'DeadLettersPage'>>,
    true satisfies Fits<Mutable<contract.ReplayAnswer>, Model<'ReplayAnswer'>>,
    true satisfies Fits<contract.Overview, Model<'Overview'>>,
    true satisfies Fits<contract.Health, Model<'Health'>>,
    true satisfies Fits<contract.BackupStatus, Model<'Backup'>>,
    true satisfies Fits<Model<'Backup'>, contract.BackupStatus>,
    true satisfies Fits<contract.Diagnostics, Model<'Diagnostics'>>,
    true satisfies Fits<contract.Probe, Model<'Probe'>>,
    true satisfies Fits<Mutable<contract.DashboardSpec>, Model<'Dashboard'>>,
    true satisfies Fits<Mutable<contract.AppStatus>, Model<'App'>>,
    true satisfies Fits<Model<'TopicSummary'>, contract.TopicSummary>,
    true satisfies Fits<Model<'Health'>, contract.Health>,
    true satisfies Fits<Model<'Overview'>, contract.Overview>,
  ]
  expect(fits).not.toContain(false as never)
})
