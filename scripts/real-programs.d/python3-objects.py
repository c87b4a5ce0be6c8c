"""python3 with PYTHONMALLOC=malloc: dictionaries, sorting and JSON, each object a call of malloc"""

PYTHON = "/usr/bin/python3"
NEEDS = {PYTHON: "python3"}

SCRIPT = """
import hashlib, json, random, sys, threading

chance = random.Random(1)

def records(count):
    return [{"id": n, "name": "%x" % chance.getrandbits(64), "tags": ["t%d" % chance.randrange(50) for _ in range(4)],
             "size": chance.random(), "text": "x" * chance.randrange(200)} for n in range(count)]

def digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()

for round in range(int(sys.argv[1])):
    rows = records(40_000)
    copy = json.loads(json.dumps(rows))
    copy.sort(key=lambda row: (row["tags"], row["name"]))
    by_tag = {}
    for row in copy:
        for tag in row["tags"]:
            by_tag.setdefault(tag, []).append(row["id"])
    for row in copy[::2]:
        row["text"] = None
    results = {}
    def work(part):
        results[part] = digest([row for row in copy if row["id"] % 4 == part])
    threads = [threading.Thread(target=work, args=(part,)) for part in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print(round, digest(by_tag), [results[part] for part in range(4)])
"""


def load(run):
    run.write("objects.py", SCRIPT)
    run.call([PYTHON, "objects.py", 2 * run.scale], env={"PYTHONMALLOC": "malloc"}, calls=1_000_000)
