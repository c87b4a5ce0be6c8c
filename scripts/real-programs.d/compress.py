"""xz and zstd: compression by two threads and back"""

NEEDS = {"xz": "xz-utils", "zstd": "zstd"}

XZ_LEVELS = ["-0", "-2"]
ZSTD_LEVELS = [["-3"], ["-12"], ["-16", "--long=24"]]


def load(run):
    run.write("words", run.words(8_000_000 * run.scale))
    for level in XZ_LEVELS:
        run.call(["xz", "-T2", level, "--block-size=2MiB", "-k", "-f", "words"], calls=10)
        run.call(["xz", "-T2", "-d", "-c", "words.xz"], calls=10)
        run.keep("words", "words.xz")
    for level in ZSTD_LEVELS:
        run.call(["zstd", "-q", "-T2", *level, "-f", "words", "-o", "words.zst"], calls=10)
        run.call(["zstd", "-q", "-d", "--long=24", "-f", "words.zst", "-o", "back"], calls=10)
        run.keep("words.zst", "back")
