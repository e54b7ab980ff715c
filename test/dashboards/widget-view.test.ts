import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { WidgetData } from '../../src/dashboards/api.ts'
import { widgetView } from '../../src/dashboards/widget-view.ts'
import { applyDelta as applyInBrowser } from '../../ui/live/reduce.ts'
import { anyRecord, anySpec, applyDelta, canonical } from './records.ts'

const chunks = fc.array(fc.array(anyRecord, { maxLength: 12 }), { maxLength: 12 })

describe('every view', () => {
  test('deltas folded over a snapshot equal a later snapshot, for any records in any order', () => {
    fc.assert(
      fc.property(anySpec, chunks, (spec, parts) => {
        const view = widgetView(spec)
        let shown: WidgetData | null = null
        for (const part of parts) {
          let changed = false
          for (const record of part) changed = view.fold(record) || changed
          const delta = view.takeDelta()
          if (!changed) expect(delta).toBeNull()
          if (shown && delta) shown = applyDelta(shown, delta, spec)
          shown ??= view.snapshot()
          expect(canonical(shown)).toEqual(canonical(view.snapshot()))
        }
      }),
      { numRuns: 600 },
    )
  })

  test('how often deltas are taken does not change what a viewer ends up with', () => {
    fc.assert(
      fc.property(anySpec, chunks, (spec, parts) => {
        const often = widgetView(spec)
        const seldom = widgetView(spec)
        for (const record of parts.flat()) {
          often.fold(record)
          often.takeDelta()
          seldom.fold(record)
        }
        expect(canonical(often.snapshot())).toEqual(canonical(seldom.snapshot()))
      }),
    )
  })

  test('what is sent survives JSON: nothing that JSON cannot carry leaves a view', () => {
    fc.assert(
      fc.property(anySpec, chunks, (spec, parts) => {
        const view = widgetView(spec)
        for (const record of parts.flat()) view.fold(record)
        for (const data of [view.snapshot(), view.takeDelta()]) {
          const text = JSON.stringify(data)
          expect(JSON.stringify(JSON.parse(text))).toBe(text)
          expect(text).not.toContain('undefined')
        }
      }),
    )
  })

  test('the browser folds to the same', () => {
    fc.assert(
      fc.property(anySpec, chunks, (anyOne, parts) => {
        const { spanMs: _, ...spec } = anyOne
        const view = widgetView(spec)
        const limits = { pointsMax: spec.pointsMax ?? 600, tailRecordsMax: 1, overviewPointsMax: 1 }
        let shown = view.snapshot()
        for (const part of parts) {
          for (const record of part) view.fold(record)
          const delta = view.takeDelta()
          if (delta) shown = applyInBrowser(shown, delta, limits) as WidgetData
        }
        const { faults: _shown, ...drawn } = canonical(shown) as WidgetData
        const { faults: _sent, ...sent } = canonical(view.snapshot()) as WidgetData
        expect(drawn as unknown).toEqual(sent)
      }),
    )
  })
})
