"""Python's objects in phases: what a phase builds and mostly drops leaves holes for the next, which builds other
shapes.

    python_phases.py ROUNDS SIZE

SIZE is the number of objects that a phase builds. ROUNDS times, the phases are: records (dicts of strings), rows
(tuples of numbers), texts (strings that are joined and split), and graphs (objects that point to each other). A
tenth of the objects of a phase stays until the phase of that kind in the next round.
"""

import gc
import random
import sys

from sampling import finish, sample

POINTS = 10  # in a phase
rng = random.Random(1)
work = 0


class Node:
    def __init__(self, name):
        self.name, self.next, self.weights = name, [], {}


def record(n):
    return {"id": n, "name": "name %d" % n, "tags": ["tag%d" % rng.randrange(10**6) for _ in range(n % 5)],
            "text": "x" * rng.randrange(200), "at": (rng.random(), rng.random())}  # fmt: skip


def row(n):
    return tuple(n * k + 10**9 for k in range(4 + n % 9))


def text(n):
    return ",".join(str(n * k) for k in range(rng.randrange(2, 80))).split(",0")[0]


def graph(n):
    nodes = [Node(f"{n}-{k}") for k in range(2 + n % 6)]
    for node in nodes:
        node.next = [rng.choice(nodes) for _ in range(3)]
        node.weights[rng.randrange(100)] = node
    return nodes


KINDS = {"records": record, "rows": row, "texts": text, "graphs": graph}


def build(make, count):
    """Builds a list of objects. Later ones replace random ones, as in a cache."""
    global work
    built = []
    for n in range(count):
        if n % 3 == 2:
            built[rng.randrange(len(built))] = make(n)
        else:
            built.append(make(n))
        work += 1
        if work % (count // POINTS) == 0:
            sample(work)
    return built


def main():
    rounds, size = map(int, sys.argv[1:])
    kept = {}
    for _ in range(rounds):
        for kind, make in KINDS.items():
            kept[kind] = None
            built = build(make, size)
            rng.shuffle(built)
            kept[kind] = built[: len(built) // 10]
            del built
            gc.collect()
            sample(work)
    finish(work)


main()
