"""Charts as SVG.

`drawing` draws ratios as bars, for each bench one for each allocator, from 1 to the left if better, right if worse.
`lines` draws series as lines, one for each allocator, over an area of what they could be at best.
"""

import html
import math

# Okabe and Ito's colours, which colour-blind readers tell apart; metes has the strongest.
COLOURS = ["#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#0072b2", "#b8a800", "#7f7f7f", "#8c6bb1", "#a6761d", "#66c2a5"]
OWN = "#d62728"
LABEL, PLOT, VALUE = 210, 560, 60  # widths: bench names, bars, room for the last number
BAR, GAP, TOP, LEGEND = 8, 10, 44, 18  # heights
LIMITS = 1 / 8, 8  # a bar is cut there; its number says what it is


def drawing(ratios, title):
    """The chart of a report.Ratios."""
    names = [a.name for a in ratios.allocators if a.name != ratios.base]
    groups = {**ratios.rows, f"geometric mean of {len(ratios.complete)}": ratios.means}
    group_height = len(names) * BAR + GAP
    legend_rows = math.ceil(len(names) / 5)
    top = TOP + legend_rows * LEGEND
    width, height = LABEL + PLOT + VALUE, top + len(groups) * group_height + 24
    parts = [
        *sheet(width, height),
        text(10, 22, f"{title}: ratio to {ratios.base}, logarithmic, left is better", size=14),
        *legend(names),
        *grid(ratios, groups, top, height - 20),
    ]
    for row, (bench, group) in enumerate(groups.items()):
        y = top + row * group_height
        parts.append(text(LABEL - 8, y + len(names) * BAR / 2 + 4, bench, anchor="end"))
        parts += [bar(y + k * BAR, group[name], colour(names, name)) for k, name in enumerate(names) if name in group]
    return "\n".join([*parts, "</svg>\n"])


def sheet(width, height):
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
           'font-family="sans-serif" font-size="11">')  # fmt: skip
    yield f'<rect width="{width}" height="{height}" fill="white"/>'


def colour(names, name):
    return OWN if name == "metes" else COLOURS[[n for n in names if n != "metes"].index(name) % len(COLOURS)]


def legend(names, left=LABEL, wide=115):
    for k, name in enumerate(names):
        x, y = left + k % 5 * wide, TOP - 12 + k // 5 * LEGEND
        yield f'<rect x="{x}" y="{y}" width="10" height="10" fill="{colour(names, name)}"/>'
        yield text(x + 14, y + 9, name)


def grid(ratios, groups, top, bottom):
    power = math.floor(math.log2(LIMITS[0]))
    while 2**power <= LIMITS[1]:
        x = position(2**power)
        strong = power == 0
        yield (f'<line x1="{x:.1f}" y1="{top - 4}" x2="{x:.1f}" y2="{bottom}" stroke="{"#333" if strong else "#ddd"}" '
               f'stroke-width="1"/>')  # fmt: skip
        yield text(x, bottom + 14, f"{2.0**power:g}", anchor="middle")
        power += 1


def position(ratio):
    low, high = map(math.log, LIMITS)
    share = (math.log(ratio) - low) / (high - low)
    return LABEL + PLOT * min(max(share, 0), 1)


def bar(y, ratio, fill):
    left, right = sorted((position(1), position(ratio)))
    shown = f'<rect x="{left:.1f}" y="{y}" width="{max(right - left, 0.5):.1f}" height="{BAR - 1}" fill="{fill}"/>'
    # Beside the bar, on the side it points to, in the size of the bar.
    at, anchor = (left - 2, "end") if ratio < 1 else (right + 2, "start")
    return shown + text(at, y + BAR - 1.5, f"{ratio:.2f}", anchor=anchor, size=7)


def text(x, y, content, anchor="start", size=11):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{html.escape(content)}</text>'


AXIS, DIAGRAM, MARGIN = 60, (720, 340), 30  # the numbers at the left, the plot, around it


def lines(by_name, floor, title, unit):
    """Lines of (x, y) by name, over the area below `floor`; `unit` is that of x."""
    names = list(by_name)
    top = TOP + math.ceil(len(names) / 5) * LEGEND
    width, height = AXIS + DIAGRAM[0] + MARGIN, top + DIAGRAM[1] + 2 * MARGIN
    most = [max(point[axis] for points in [floor, *by_name.values()] for point in points) for axis in (0, 1)]

    def place(point):
        return AXIS + point[0] / most[0] * DIAGRAM[0], top + DIAGRAM[1] * (1 - point[1] / most[1])

    def path(points):
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, points))

    parts = [*sheet(width, height), text(10, 22, title, size=14), *legend(names, AXIS, DIAGRAM[0] // 5)]
    area = [(floor[0][0], 0), *floor, (floor[-1][0], 0)]
    parts.append(f'<polygon points="{path(area)}" fill="#e4e4e4"/>')
    for value in ticks(most[1]):
        y = place((0, value))[1]
        parts.append(f'<line x1="{AXIS}" y1="{y:.1f}" x2="{AXIS + DIAGRAM[0]}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(text(AXIS - 6, y + 4, f"{value:g}", anchor="end"))
    for value in ticks(most[0]):
        parts.append(text(place((value, 0))[0], top + DIAGRAM[1] + 16, f"{value:g}", anchor="middle"))
    parts.append(text(AXIS + DIAGRAM[0] / 2, height - 14, unit, anchor="middle"))
    for name in sorted(names, key=lambda n: n == "metes"):  # on top of the others
        wide = 2.2 if name == "metes" else 1.3
        parts.append(f'<polyline points="{path(by_name[name])}" fill="none" stroke="{colour(names, name)}" stroke-width="{wide}"/>')
    return "\n".join([*parts, "</svg>\n"])


def ticks(most):
    """Round numbers up to `most`, five to ten of them."""
    step = 10 ** math.floor(math.log10(most))
    step = next(s for s in (step / 10, step / 5, step / 2, step) if most / s <= 10)
    return [k * step for k in range(int(most / step) + 1)]
