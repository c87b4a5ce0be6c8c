"""sort, gawk and grep on 100 MB of words"""

NEEDS = {"sort": "coreutils", "gawk": "gawk", "grep": "grep"}

COUNT = """
{ lines++; for (i = 1; i <= NF && i <= 4; i++) count[substr($i, 1, 3)]++; longest = length($0) > length(longest) ? $0 : longest }
END {
    n = asorti(count, keys)
    for (i = 1; i <= n; i++) { sum = (sum * 31 + count[keys[i]]) % 1000003; all = all keys[i] }
    print lines, n, sum, length(all), longest
}
"""


def load(run):
    run.write("words", run.words(100_000_000 * run.scale))
    # Little enough memory that it has to merge files.
    run.call(["sort", "--parallel=2", "-S", "40M", "-o", "sorted", "words"], calls=10)
    run.write("fewer", run.words(25_000_000 * run.scale))
    run.call(["sort", "--parallel=2", "-k2,2", "-k1,1r", "-o", "by-second", "fewer"], calls=10)
    run.keep("sorted", "by-second")
    run.call(["gawk", COUNT, "words"], calls=10_000)
    run.call(["grep", "-c", "-E", "(abc|xyz)+.*q[0-3]+ "], stdin="words")
    run.call(["grep", "-n", "-w", "-i", "metes\\|bound\\|zzz[a-e]", "words"])
