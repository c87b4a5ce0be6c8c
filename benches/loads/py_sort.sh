#!/bin/sh
# needs: python3
# Python: strings, tuples and numbers sorted, with keys made for each.
. "${0%/*}/load.inc"

inputs()
{
    cat > load.py <<'EOF'
import random, sys, zlib

random.seed(1)
total = 0
for turn in range(2):
    words = ["%x" % random.getrandbits(random.randrange(8, 200)) for _ in range(100000)]
    pairs = [(len(word), word, random.random()) for word in words]
    pairs.sort()
    words.sort(key=lambda word: (word[-3:], -len(word), word))
    numbers = sorted(random.getrandbits(70) for _ in range(100000))
    merged = sorted(words[::3] + [str(number) for number in numbers[::2]], key=str.swapcase)
    total = zlib.crc32("".join(merged[::7]).encode() + pairs[len(pairs) // 2][1].encode(), total)
result = "%08x" % total
print(result)
sys.exit(len(sys.argv) > 1 and sys.argv[1] != result)
EOF
}

# Python's own allocator of small objects is off.
program() { PYTHONMALLOC=malloc exec /usr/bin/python3 -S load.py $expected; }

load /usr/bin/python3
