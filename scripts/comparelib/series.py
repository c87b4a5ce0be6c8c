"""Series: what a program has resident, point by point as its work goes on, and figures of that.

Programs print a line for each point, `sample work=<done so far> rss_kib=<resident> [live=<bytes>] [used=<bytes>]
[phase=<its name>]`, and do the same work under every allocator: points with the same number can be compared.
"""

import re
import statistics
from dataclasses import dataclass, field

from .benches import Failure

MIB = 1 << 20


@dataclass
class Point:
    work: float
    rss: float  # bytes, as all here
    live: float = 0
    used: float = 0
    phase: str = ""


@dataclass
class Series:
    """One run, or the middle of several."""

    seconds: float
    points: list[Point]
    figures: dict = field(default_factory=dict)


def parsed(said):
    """The series of what a program has printed."""
    points = []
    for line in re.findall(r"^sample (.*)$", said, re.M):
        fields = dict(word.split("=") for word in line.split())
        points.append(Point(float(fields["work"]), float(fields["rss_kib"]) * 1024, float(fields.get("live", 0)),
                            float(fields.get("used", 0)), fields.get("phase", "")))  # fmt: skip
    seconds = re.search(r"seconds=([\d.]+)", said)
    if len(points) < 4 or not seconds:
        raise Failure("no series")
    return Series(float(seconds.group(1)), points)


def middle(runs):
    """The medians of several runs, point by point."""
    counts = {len(run.points) for run in runs}
    if len(counts) != 1:
        raise Failure(f"runs of {sorted(counts)} points")
    median = lambda values: statistics.median(list(values))  # noqa: E731
    points = [Point(here[0].work, median(p.rss for p in here), median(p.live for p in here), median(p.used for p in here),
                    here[0].phase) for here in zip(*(run.points for run in runs))]  # fmt: skip
    return Series(median(run.seconds for run in runs), points)


def with_live(series, counted):
    """Gives a series the useful bytes of the run that counted them: they are those of every run of the same work."""
    if len(series.points) != len(counted.points):
        raise Failure(f"{len(series.points)} points, {len(counted.points)} where bytes were counted")
    for point, other in zip(series.points, counted.points):
        point.live = other.live
    return series


def summed(series):
    """The figures of a series."""
    points, n = series.points, len(series.points)
    mean = lambda some, key: statistics.fmean(getattr(p, key) for p in some)  # noqa: E731
    end = points[-1]
    third, last = points[n // 2 : n * 3 // 4], points[n * 3 // 4 :]
    series.figures = {
        "peak": max(p.rss for p in points),
        "mean": mean(points, "rss"),
        "end": end.rss,
        "live_end": end.live,
        "end_over_live": end.rss / end.live,
        "mean_over_live": mean(points, "rss") / mean(points, "live"),
        "peak_over_live": max(p.rss for p in points) / max(p.live for p in points),
        # What still grows: RSS over live in the last quarter over that in the one before, for loads that repeat
        # themselves.
        "growth": mean(last, "rss") / mean(last, "live") / (mean(third, "rss") / mean(third, "live")),
        "seconds": series.seconds,
    }
    return series


def table(title, by_name, repeats):
    columns = ["peak RSS", "peak over live", "mean RSS", "mean over live", "RSS at the end", "live at the end", "end over live"]
    columns += [*(["last quarter over the one before"] if repeats else []), "seconds"]
    lines = [f"| {title} | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    for name, series in by_name.items():
        f = series.figures
        mib = {key: f"{f[key] / MIB:.0f}" for key in ("peak", "mean", "end", "live_end")}
        cells = [mib["peak"], f"{f['peak_over_live']:.2f}", mib["mean"], f"{f['mean_over_live']:.2f}", mib["end"],
                 mib["live_end"], f"{f['end_over_live']:.2f}", *([f"{f['growth']:.3f}"] if repeats else []),
                 f"{f['seconds']:.1f}"]  # fmt: skip
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def phase_table(title, by_name):
    """RSS at the points with names, and over the bytes that live; nothing when no point has one."""
    phases = [p.phase for p in next(iter(by_name.values())).points if p.phase]
    if not phases:
        return ""
    lines = [f"| {title} | " + " | ".join(f"{p}: RSS | over live" for p in phases) + " |", "|---|" + "---:|---:|" * len(phases)]
    for name, series in by_name.items():
        named = [p for p in series.points if p.phase]
        lines.append(f"| {name} | " + " | ".join(f"{p.rss / MIB:.0f} | {p.rss / p.live:.2f}" for p in named) + " |")
    live = [p.live / MIB for p in next(iter(by_name.values())).points if p.phase]
    lines.append("| live | " + " | ".join(f"{bytes_:.0f} | " for bytes_ in live) + " |")
    return "\n".join(lines)
