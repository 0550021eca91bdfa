/**
 * partition.ts – The partition that a record lives in: CRC16(id) mod P, the same for all object
 * types.
 *
 * CRC16 is the one of the Redis Cluster specification (XMODEM: polynomial 0x1021, initial value 0),
 * over the id in UTF-8.
 */

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc & 0xffff;
});

export function crc16(text: string): number {
  let crc = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 127) return crc16Bytes(Buffer.from(text, 'utf8'));
    crc = ((crc << 8) & 0xffff) ^ TABLE[(crc >>> 8) ^ unit]!;
  }
  return crc;
}

function crc16Bytes(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) crc = ((crc << 8) & 0xffff) ^ TABLE[(crc >>> 8) ^ byte]!;
  return crc;
}

export function partitionOf(id: string, partitions: number): number {
  return crc16(id) % partitions;
}
