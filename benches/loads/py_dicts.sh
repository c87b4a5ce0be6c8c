#!/bin/sh
# needs: python3
# Python: dictionaries, sets and objects that grow, lose members and are dropped.
. "${0%/*}/load.inc"

inputs()
{
    cat > load.py <<'EOF'
import random, sys

random.seed(1)

class Entry:
    def __init__(self, number):
        self.number = number
        self.name = "entry %d" % number
        self.links = {number % 17, number % 31, number % 101}

table, total = {}, 0
for turn in range(3):
    for n in range(60000):
        key = random.randrange(200000)
        if key in table and n % 3:
            total += len(table.pop(key).name)
        else:
            table[key] = Entry(key)
    groups = {}
    for key, entry in table.items():
        for link in entry.links:
            groups.setdefault((link, key % 5), []).append(entry)
    total += sum(len(group) * link for (link, _), group in groups.items())
    table = {key: entry for key, entry in table.items() if key % 4}
result = str(total)
print(result)
sys.exit(len(sys.argv) > 1 and sys.argv[1] != result)
EOF
}

# Python's own allocator of small objects is off.
program() { PYTHONMALLOC=malloc exec /usr/bin/python3 -S load.py $expected; }

load /usr/bin/python3
