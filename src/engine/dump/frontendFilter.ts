/**
 * Server minors of late 2026 keep `pg_attver=<n>` in pg_attribute.attoptions, which a pg_dump that does not know it
 * writes out as a column option that other servers reject. The option is taken out where pg_dump asks for it.
 */
const asked = `array_to_string(a.attoptions, ', ')`;
const answered = `array_to_string(ARRAY(SELECT o FROM unnest(a.attoptions) o WHERE substr(o, 1, 10) <> 'pg_attver='), ', ')`;

const query = 'Q'.charCodeAt(0);
const headerBytes = 5;

/**
 * Rewrites that one catalog query in a stream of frontend messages. libpq flushes 8 kB at a time, so messages are put
 * together first. `Byte1 type, Int32 length including itself, body`.
 */
export function frontendFilter(): (bytes: Uint8Array) => Uint8Array | undefined {
  let rest: Buffer = Buffer.alloc(0);
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    const whole: Buffer[] = [];
    let offset = 0;
    while (rest.length - offset >= headerBytes) {
      const end = offset + 1 + rest.readInt32BE(offset + 1);
      if (end > rest.length) break;
      whole.push(rewrite(rest.subarray(offset, end)));
      offset = end;
    }
    rest = rest.subarray(offset);
    return whole.length === 0 ? undefined : new Uint8Array(Buffer.concat(whole));
  };
}

function rewrite(message: Buffer): Buffer {
  if (message[0] !== query) return message;
  // latin1 maps bytes to characters one to one, whatever the encoding is.
  const text = message.toString('latin1', headerBytes);
  if (!text.includes(asked)) return message;
  const body = Buffer.from(text.replaceAll(asked, answered), 'latin1');
  const header = Buffer.alloc(headerBytes);
  header.writeUInt8(query);
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}
