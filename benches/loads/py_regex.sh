#!/bin/sh
# needs: python3
# Python: a text searched, split and rewritten by regular expressions.
. "${0%/*}/load.inc"

inputs()
{
    cat > load.py <<'EOF'
import random, re, sys, zlib

random.seed(1)
letters = "abcdefghijklmnopqrstuvwxyz"
words = ["".join(random.choices(letters, k=random.randrange(2, 12))) for _ in range(5000)]
lines = ["%s %d: %s" % (random.choice(words), n, " ".join(random.choices(words, k=12))) for n in range(8000)]
text = "\n".join(lines)
line = re.compile(r"^(?P<name>\w+) (?P<number>\d+): (?P<rest>.*)$", re.M)
total = 0
for turn in range(16):
    found = [match.groupdict() for match in line.finditer(text)]
    pieces = re.split(r"[ \n:]+", text)
    swapped = re.sub(r"(\w+)a(\w*)", lambda match: match.group(2) + "A" + match.group(1), text)
    doubled = re.findall(r"\b\w*(\w)\1\w*\b", text)
    part = "%d %d %d" % (len(found), len(pieces), len(doubled))
    total = zlib.crc32((part + swapped + found[turn]["rest"]).encode(), total)
result = "%08x" % total
print(result)
sys.exit(len(sys.argv) > 1 and sys.argv[1] != result)
EOF
}

# Python's own allocator of small objects is off.
program() { PYTHONMALLOC=malloc exec /usr/bin/python3 -S load.py $expected; }

load /usr/bin/python3
