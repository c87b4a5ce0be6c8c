"""What the measurements say: tables of ratios, and where a library stands among its peers."""

import math
import random
import statistics

TARGETS = {"time": "time", "least": "least time", "memory": "peak RSS", "cpu": "CPU time", "least_cpu": "least CPU time"}
RESAMPLES = 400
AS_GOOD = 1.02  # within the noise
BEHIND = 1.10


def figures(runs):
    """One figure for each target from the runs of one bench on one allocator: medians.

    The least time is that of the round in which other jobs of the machine were least in the way.
    """
    return {
        "time": statistics.median(run.time for run in runs),
        "least": min(run.time for run in runs),
        "memory": statistics.median(run.rss_kib for run in runs),
        # Some kernels count ticks, and a short run may have none.
        "cpu": max(statistics.median(run.cpu for run in runs), 0.001),
        "least_cpu": max(min(run.cpu for run in runs), 0.001),
    }


def spreads(target, results, allocators):
    """How far the geometric means might be off, by allocator.

    It is half of the width in which 95 of 100 means are when the rounds of each bench are drawn anew, with repetition,
    the same for all allocators. A difference of two means that is larger than both is a real one.
    """
    chance = random.Random(1)
    names = [a.name for a in allocators]
    complete = [by for by in results.values() if all(by.get(name) for name in names)]
    if not complete:
        return {}
    means = {name: [] for name in names}
    for _ in range(RESAMPLES):
        drawn = []
        for by in complete:
            rounds = range(min(len(by[name]) for name in names))
            chosen = chance.choices(rounds, k=len(rounds))
            drawn.append({name: figures([by[name][i] for i in chosen])[target] for name in names})
        for name in names:
            means[name].append(geometric_mean([d[name] / d[names[0]] for d in drawn]))
    quantiles = {name: statistics.quantiles(values, n=40) for name, values in means.items()}
    return {name: (q[-1] - q[0]) / 2 for name, q in quantiles.items()}


def geometric_mean(ratios):
    return math.exp(statistics.fmean(math.log(r) for r in ratios))


class Ratios:
    """For one target, each bench and allocator over the first allocator, which is glibc if no other was asked for."""

    def __init__(self, target, results, allocators, spreads=None):
        self.spreads = spreads or {}
        self.target = target
        self.allocators = allocators
        self.base = allocators[0].name
        self.rows = {}
        for bench, figures in results.items():
            if figures.get(self.base, {}).get(target):
                self.rows[bench] = {name: f[target] / figures[self.base][target] for name, f in figures.items()}
        # Only benches count that all allocators ran which run at all: a mean over other benches is another mean.
        running = [a.name for a in allocators if any(a.name in row for row in self.rows.values())]
        self.complete = [row for row in self.rows.values() if len(row) == len(running)]
        self.means = {name: geometric_mean([r[name] for r in self.complete]) for name in running if self.complete}

    def table(self):
        names = [a.name for a in self.allocators]
        lines = [f"| {TARGETS[self.target]} over {self.base} | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]
        for bench, row in self.rows.items():
            lines.append(f"| {bench} | " + " | ".join(self.cells(row, names)) + " |")
        if self.means:
            mean = [f"**{cell}**" for cell in self.cells(self.means, names, 3 if self.spreads else 2)]
            lines.append(f"| **geometric mean of {len(self.complete)}** | " + " | ".join(mean) + " |")
        if self.spreads:
            lines.append("| which may be off by | " + " | ".join(f"{self.spreads[name]:.3f}" for name in names) + " |")
        return "\n".join(lines)

    @staticmethod
    def cells(row, names, digits=2):
        return [f"{row[name]:.{digits}f}" if name in row else "failed" for name in names]

    def standing(self, subject):
        """Where one library stands among the others. None when there are no others."""
        peers = [a.name for a in self.allocators if a.peer and a.name in self.means]
        others = peers + [name for name in self.means if name == "glibc"]
        if not others or subject not in self.means:
            return None
        rows = {bench: row for bench, row in self.rows.items() if subject in row and any(o in row for o in others)}
        good, behind = [], {}
        for bench, row in rows.items():
            if row[subject] <= AS_GOOD * min(row[o] for o in others if o in row):
                good.append(bench)
            if reasons := self.behind(row, subject, [row[p] for p in peers if p in row]):
                behind[bench] = f"{row[subject]:.2f} where {' and '.join(reasons)}"
        best = min(others, key=lambda name: self.means[name])
        return {
            "geometric_mean": self.means[subject],
            "best_other": best,
            "over_best_other": self.means[subject] / self.means[best],
            "as_good_as_the_best": good,
            "of": len(rows),
            "behind": behind,
        }

    @staticmethod
    def behind(row, subject, peers):
        """What a library is behind on one bench: the median of the peers, or glibc."""
        reasons = []
        if peers and row[subject] > BEHIND * statistics.median(peers):
            reasons.append(f"the median peer has {statistics.median(peers):.2f}")
        if row[subject] > AS_GOOD * row.get("glibc", math.inf):
            reasons.append(f"glibc has {row['glibc']:.2f}")
        return reasons


def told(target, subject, standing):
    """A standing as text."""
    lines = [
        f"**{subject}, {TARGETS[target]}**: geometric mean {standing['geometric_mean']:.3f}, "
        f"{standing['over_best_other']:.3f} of the best other, {standing['best_other']}; "
        f"within {AS_GOOD:.2f} of each bench's best on {len(standing['as_good_as_the_best'])} of {standing['of']}.",
    ]
    if standing["behind"]:
        lines += ["", f"Over {BEHIND:.2f} of the median peer, or slower or larger than glibc:", ""]
        lines += [f"- {bench}: {why}" for bench, why in standing["behind"].items()]
    return "\n".join(lines)
