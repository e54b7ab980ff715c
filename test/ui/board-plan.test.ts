import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { WidgetSpec } from '../../src/http/contract.ts'
import { planBoard } from '../../ui/widgets/board-plan.ts'

type Kind = WidgetSpec['kind']

function spec(kind: Kind, width: number, height?: number): WidgetSpec {
  return {
    id: 'w',
    kind,
    title: 'w',
    topic: 't',
    width,
    ...(height !== undefined && { height }),
  } as WidgetSpec
}

const heights = (...widgets: WidgetSpec[]) => planBoard(widgets).map((place) => place.height)

describe('a board', () => {
  test('makes a number as high as the bars beside it', () => {
    expect(heights(spec('stat', 4), spec('bar', 8), spec('area', 12))).toEqual([4, 4, 4])
  })
  test('keeps numbers low among themselves', () => {
    expect(heights(spec('stat', 6), spec('stat', 6), spec('area', 12))).toEqual([2, 2, 4])
  })
  test('leaves two rows of numbers beside one chart alone', () => {
    const stat = spec('stat', 3)
    expect(heights(stat, stat, spec('area', 6), stat, stat)).toEqual([2, 2, 4, 2, 2])
  })
  test('never changes a declared height', () => {
    expect(heights(spec('stat', 4, 1), spec('bar', 8))).toEqual([1, 4])
  })
  test('gives a number that stands alone the whole line of a small screen', () => {
    const places = planBoard([spec('stat', 4), spec('bar', 8), spec('stat', 6), spec('stat', 6)])
    expect(places.map((place) => [place.single, place.odd])).toEqual([
      [true, true],
      [false, false],
      [false, false],
      [false, false],
    ])
  })
  test('only ever grows a card', () => {
    const kind = fc.constantFrom<Kind>('stat', 'line', 'bar', 'table')
    const any = fc.record({ kind, width: fc.integer({ min: 1, max: 12 }) })
    fc.assert(
      fc.property(fc.array(any, { maxLength: 12 }), (all) => {
        for (const [index, place] of planBoard(all.map((one) => spec(one.kind, one.width))).entries()) {
          expect(place.height).toBeGreaterThanOrEqual(all[index]!.kind === 'stat' ? 2 : 4)
          expect(place.width).toBe(all[index]!.width)
        }
      }),
    )
  })
})
