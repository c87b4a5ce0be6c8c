"""z3: queens on a board, and a product of bit vectors taken apart

Which of the boards it finds depends on addresses, with any allocator. So only the answer is compared, and the model has
to be a board.
"""

import re

NEEDS = {"z3": "z3"}


def queens(size):
    names = [f"q{n}" for n in range(size)]
    yield from (f"(declare-const {name} Int)\n(assert (and (<= 0 {name}) (< {name} {size})))" for name in names)
    yield f"(assert (distinct {' '.join(names)}))"
    for sign in "+-":
        yield f"(assert (distinct {' '.join(f'({sign} {name} {n})' for n, name in enumerate(names))}))"


def factors(first, second, bits):
    product = first * second
    yield "(set-logic QF_BV)"
    yield f"(declare-const a (_ BitVec {bits}))\n(declare-const b (_ BitVec {bits}))"
    yield f"(assert (= (bvmul a b) (_ bv{product} {bits})))"
    yield f"(assert (bvult a (_ bv{1 << bits // 2} {bits})))\n(assert (bvult b (_ bv{1 << bits // 2} {bits})))"
    yield f"(assert (bvugt a (_ bv1 {bits})))\n(assert (bvuge b a))"


def is_board(answer):
    """Whether no queen of a model attacks another."""
    rows = {int(name): int(row) for name, row in re.findall(r"define-fun q(\d+) \(\) Int\s+(\d+)\)", answer)}
    size = len(rows)
    lines = [{row + sign * name for name, row in rows.items()} for sign in (0, 1, -1)]
    return size > 0 and all(len(line) == size for line in lines) and set(rows) == set(range(size)) == lines[0]


def load(run):
    problems = {
        "queens": (queens(26 if run.scale == 1 else 30), "(get-model)"),
        # The factors are primes: there is one answer.
        "factors": (factors(65_521, 65_537, 36) if run.scale == 1 else factors(131_071, 131_101, 38), "(get-value (a b))"),
    }
    for name, (problem, question) in problems.items():
        run.write(f"{name}.smt2", "\n".join([*problem, "(check-sat)", question]) + "\n")
        answer = run.call(["z3", f"{name}.smt2"], calls=10_000, compare=name == "factors")
        if name == "queens":
            found, _, model = answer.partition("\n")
            run.note(f"{name}: {found}, {'a board' if is_board(model) else model}")
