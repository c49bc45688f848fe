/** The parser counts bytes of UTF-8; the tokens UTF-16 units. One pass for a text, however many are asked for. */
export function byteOffsets(text: string): (bytes: number) => number {
  const length = Buffer.byteLength(text);
  if (length === text.length) return (bytes) => bytes;
  const offsets = new Uint32Array(length + 1);
  let at = 0;
  for (let offset = 0; offset < text.length; ) {
    const code = text.codePointAt(offset) ?? 0;
    offsets[at] = offset;
    at += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    offset += code > 0xffff ? 2 : 1;
  }
  offsets[length] = text.length;
  return (bytes) => offsets[bytes] ?? text.length;
}
