// plugins/web/page/chat/blocks.ts: cuts a text that grows into parts that will not change any more and the one that still does.
//   K1  The parts, joined, are the text. Only the last one changes as the text grows, so that what was drawn is not drawn again.
//   K2  A fence of code is never cut, and what is indented or goes on as a list is left with what it belongs to.
const FENCE = /^ {0,3}(`{3,}|~{3,})/
const GOES_ON = /^(\s|[-*+>|]|\d+[.)])/

export function blocksOf(text: string): string[] {
  const blocks: string[] = []
  let block = ''
  let fence = ''
  let blank = false
  for (const line of text.split(/(?<=\n)/)) {
    if (fence === '' && blank && line.trim() !== '' && !GOES_ON.test(line)) {
      blocks.push(block)
      block = ''
    }
    const mark = FENCE.exec(line)?.[1] ?? ''
    if (fence === '') fence = mark
    else if (mark.startsWith(fence) && line.trim() === mark) fence = ''
    blank = line.trim() === '' && fence === ''
    block += line
  }
  return block === '' ? blocks : [...blocks, block]
}
