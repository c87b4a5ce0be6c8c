#!/bin/sh
# needs: python3
# Python: JSON documents made, written, read and compared.
. "${0%/*}/load.inc"

inputs()
{
    cat > load.py <<'EOF'
import json, random, sys, zlib

random.seed(1)

def record(n):
    return {
        "id": n,
        "name": "name %d" % (n * 7919 % 10007),
        "tags": ["tag%d" % random.randrange(500) for _ in range(random.randrange(8))],
        "position": {"x": random.random(), "y": random.random()},
        "text": "x" * random.randrange(200),
    }

total = 0
for turn in range(2):
    records = [record(n) for n in range(20000)]
    text = json.dumps(records)
    again = json.loads(text)
    assert again == records
    total = zlib.crc32(json.dumps(again, indent=1, sort_keys=True).encode(), total)
result = "%08x" % total
print(result)
sys.exit(len(sys.argv) > 1 and sys.argv[1] != result)
EOF
}

# Python's own allocator of small objects is off.
program() { PYTHONMALLOC=malloc exec /usr/bin/python3 -S load.py $expected; }

load /usr/bin/python3
