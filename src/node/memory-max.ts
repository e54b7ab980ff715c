// `--memory`: the most that the process of one app may have.
import { totalmem } from 'node:os'
import { formatSize } from '#base'
import { parseShare, type Share } from './share.ts'

/** Less than a process has before it does anything would end each app at once. */
const bytesMin = 96 * 2 ** 20
export const memoryMaxForm = `a size of ${formatSize(bytesMin)} or more like 512MB, a share of the memory like 50%, or off`

export const parseMemoryMax = (text: string): Share | undefined => parseShare(text, bytesMin)

/** Of the machine, or of the container where that has less. */
export function machineMemoryBytes(): number {
  const constrained = process.constrainedMemory()
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}
