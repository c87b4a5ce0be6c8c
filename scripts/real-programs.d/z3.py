"""z3: queens on a board, and a product of bit vectors taken apart"""

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


def load(run):
    problems = {
        "queens": queens(26 if run.scale == 1 else 30),
        "factors": factors(65_521, 65_537, 36) if run.scale == 1 else factors(131_071, 131_101, 38),
    }
    for name, problem in problems.items():
        run.write(f"{name}.smt2", "\n".join([*problem, "(check-sat)", "(get-model)"]) + "\n")
        run.call(["z3", f"{name}.smt2"], calls=10_000)
