#!/bin/sh
# needs: z3
# Z3: a product of bit vectors taken apart by its SAT solver, and queens on a board by its SMT solver.
. "${0%/*}/load.inc"

inputs()
{
    awk 'BEGIN {
        bits = 32
        printf "(declare-const a (_ BitVec %d))\n(declare-const b (_ BitVec %d))\n", bits, bits
        printf "(push)\n(assert (= (bvmul a b) (_ bv%d %d)))\n", 16369 * 16381, bits
        printf "(assert (bvult a (_ bv32768 %d)))\n(assert (bvult b (_ bv32768 %d)))\n", bits, bits
        printf "(assert (bvugt a (_ bv1 %d)))\n(assert (bvuge b a))\n(check-sat)\n(get-value (a b))\n(pop)\n", bits
        n = 20
        for (i = 0; i < n; i++) printf "(declare-const q%d Int)\n(assert (and (<= 0 q%d) (< q%d %d)))\n", i, i, i, n
        printf "(assert (distinct"; for (i = 0; i < n; i++) printf " q%d", i; print "))"
        printf "(assert (distinct"; for (i = 0; i < n; i++) printf " (+ q%d %d)", i, i; print "))"
        printf "(assert (distinct"; for (i = 0; i < n; i++) printf " (- q%d %d)", i, i; print "))"
        print "(check-sat)"
    }' > load.smt2
}

program() { exec z3 load.smt2; }

load z3 awk
