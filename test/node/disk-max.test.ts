import { expect, test } from 'bun:test'
import { limitsWithin, parseDiskMax } from '../../src/node/disk-max.ts'
import { bytesOfShare as diskMaxBytes } from '../../src/node/share.ts'

const mebibyte = 2 ** 20

test('the most is a share of the volume, a size, or no limit', () => {
  expect(parseDiskMax('80%')).toEqual({ share: 0.8 })
  expect(parseDiskMax('50GB')).toEqual({ bytes: 50 * 2 ** 30 })
  expect(parseDiskMax('off')).toBeNull()
  for (const text of ['', '0%', '101%', '80', '1KB', '-5GB', 'half', '%']) {
    expect({ text, parsed: parseDiskMax(text) }).toEqual({ text, parsed: undefined })
  }
})

test('a share follows the size of the volume', () => {
  expect(diskMaxBytes({ share: 0.8 }, 1000)).toBe(800)
  expect(diskMaxBytes({ bytes: 500 }, 1000)).toBe(500)
  expect(diskMaxBytes(null, 1000)).toBeNull()
})

test('a small log has small files, so that something is left to trim', () => {
  expect(limitsWithin(null)).toEqual({})
  expect(limitsWithin(100 * 2 ** 30)).toEqual({ segmentSizeBytesMax: 64 * mebibyte, walFilesMax: 8 })
  expect(limitsWithin(256 * mebibyte)).toEqual({ segmentSizeBytesMax: 8 * mebibyte, walFilesMax: 2 })
})
