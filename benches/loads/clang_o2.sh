#!/bin/sh
# needs: clang-14
# Clang: a large generated C file at -O2. It compiles in the process it is started as.
. "${0%/*}/load.inc"

inputs()
{
    awk 'BEGIN {
        for (i = 0; i < 120; i++) {
            printf "struct list%d { long key; float value[%d]; struct list%d *next; };\n", i, i % 5 + 2, i
            printf "long fold%d(struct list%d *p, long n, long *out)\n{\n    long sum = %d;\n", i, i, i
            printf "    for (long i = 0; i < n; i++) {\n"
            printf "        for (struct list%d *q = p; q; q = q->next)\n            switch ((q->key + i) %% 8) {\n", i
            for (c = 0; c < 8; c++)
                printf "            case %d: sum ^= q->key * %d + (long)q->value[%d]; out[(sum & 31) + %d] += sum >> %d; break;\n", c, (i * 37 + c * 19) % 103, c % (i % 5 + 2), c, c + 1
            printf "            }\n        for (long k = 0; k < 64; k++) out[k] = out[k] * %d + sum;\n    }\n", i + 3
            if (i > 0)
                printf "    if (n > 3) sum += fold%d((struct list%d *)out, n - 1, out);\n", i - 1, i - 1
            printf "    return sum;\n}\n\n"
        }
    }' > load.c
}

program() { exec clang-14 -O2 -w -S -o - load.c; }

load clang-14 awk
