#!/bin/sh
# needs: nodejs
# Node: JSON, buffers and compression. JavaScript's objects are V8's own; malloc serves buffers, compilers and the
# runtime.
. "${0%/*}/load.inc"

inputs()
{
    cat > load.js <<'EOF'
const crypto = require('crypto');
const zlib = require('zlib');

let state = 1;
const chance = (n) => (state = (state * 16807) % 2147483647) % n;
const hash = crypto.createHash('sha256');
for (let turn = 0; turn < 4; turn++) {
  const rows = [];
  for (let n = 0; n < 30000; n++)
    rows.push({ id: n, name: 'n'.repeat(chance(100)), list: Array.from({ length: chance(8) }, (_, i) => 'e' + i * n) });
  const text = JSON.stringify(rows);
  const again = JSON.parse(text);
  again.sort((a, b) => a.name.length - b.name.length || b.id - a.id);
  const chunks = again.map((row) => Buffer.from(JSON.stringify(row)));
  const all = Buffer.concat(chunks);
  if (!zlib.inflateSync(zlib.deflateSync(all, { level: 1 })).equals(all)) process.exit(1);
  for (let n = 0; n < chunks.length; n += 2) hash.update(Buffer.concat([chunks[n], Buffer.alloc(4096 + chance(20000))]).subarray(0, 4096));
  hash.update(all);
}
const result = hash.digest('hex');
console.log(result);
process.exitCode = process.argv.length > 2 && process.argv[2] !== result ? 1 : 0;
EOF
}

program() { exec node load.js $expected; }

load node
