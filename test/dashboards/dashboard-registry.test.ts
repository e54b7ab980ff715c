import { describe, expect, test } from 'bun:test'
import type { BrokerError } from '../../src/base/index.ts'
import { DashboardRegistry } from '../../src/dashboards/dashboard-registry.ts'
import { spec } from './records.ts'

const board = (id: string, ...widgets: string[]) => ({
  id,
  title: id,
  app: null,
  widgets: widgets.map((widget) => spec('line', { id: widget, y: 'n' })),
})

describe('the registry', () => {
  test('holds what each app declared, by dashboard and by widget', () => {
    const registry = new DashboardRegistry()
    registry.set('b', [board('two', 'b.x')])
    registry.set('a', [board('one', 'a.x', 'a.y')])
    expect(registry.list().map(({ id, app }) => [id, app])).toEqual([
      ['one', 'a'],
      ['two', 'b'],
    ])
    expect(registry.get('two')?.app).toBe('b')
    expect(registry.widget('a.y')?.id).toBe('a.y')
    expect(registry.get('three')).toBeUndefined()
  })

  test('replaces everything of an app at once', () => {
    const registry = new DashboardRegistry()
    registry.set('a', [board('one', 'a.x'), board('two', 'a.y')])
    registry.set('a', [board('one', 'a.z')])
    expect(registry.list().map(({ id }) => id)).toEqual(['one'])
    expect(registry.widget('a.x')).toBeUndefined()
    registry.remove('a')
    expect(registry.list()).toEqual([])
  })

  test('tells listeners of every change until they stop', () => {
    const registry = new DashboardRegistry()
    let changes = 0
    const stop = registry.onChange(() => changes++)
    registry.set('a', [board('one', 'a.x')])
    registry.remove('a')
    registry.remove('a')
    stop()
    registry.set('a', [])
    expect(changes).toBe(2)
  })

  test('refuses an id that another app has, and changes nothing', () => {
    const registry = new DashboardRegistry()
    let changes = 0
    registry.set('a', [board('one', 'a.x')])
    registry.onChange(() => changes++)
    expect(() => registry.set('b', [board('mine', 'b.x'), board('one', 'b.y')])).toThrow('in app "a"')
    expect(() => registry.set('b', [board('mine', 'a.x')])).toThrow('a.x')
    expect(registry.list().map(({ id }) => id)).toEqual(['one'])
    expect(changes).toBe(0)
  })

  test('refuses what is no dashboard, whatever a process sends', () => {
    const registry = new DashboardRegistry()
    const wrong: unknown[] = [
      null,
      'dashboards',
      [null],
      [{ id: 'x' }],
      [{ id: 'x', title: 'x', widgets: [null] }],
      [{ id: 'x', title: 'x', widgets: [{ id: 'a', kind: 'pie', title: 'a', topic: 't' }] }],
      [{ id: 'x', title: 'x', widgets: [{ ...spec('line', { y: 'n' }), min: Number.NaN }] }],
      [{ id: 'x', title: 'x', widgets: [{ ...spec('line', { y: 'n' }), fromTheFuture: 1 }] }],
      [{ id: 'x', title: 'x', widgets: [{ ...spec('line', { y: 'n' }), toString: 1 }] }],
    ]
    for (const dashboards of wrong) {
      let thrown: unknown = null
      try {
        registry.set('a', dashboards as never)
      } catch (error) {
        thrown = error
      }
      expect((thrown as BrokerError).code).toBe('invalid_request')
    }
    expect(registry.list()).toEqual([])
  })
})
