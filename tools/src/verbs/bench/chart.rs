//! The chart: two panels of bars, CPU time and memory, as SVG. It can be read on light and on dark ground.

use super::Row;
use super::allocators::LIBC;
use super::measure::{CPU, MEMORY, Run};
use std::fmt::Write;

const WIDTH: usize = 760;
const LEFT: usize = 130;
/// Behind the longest bar stands its value.
const RIGHT: usize = 170;
const LINE: usize = 26;
const HEAD: usize = 34;

const STYLE: &str = "<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 15px; }
.unit { fill: #59636e; }
.bar { fill: #8c959f; }
.bar.metes { fill: #0969da; }
.ground { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc; }
.unit { fill: #9198a1; }
.bar { fill: #656c76; }
.bar.metes { fill: #4493f8; }
.ground { fill: #0d1117; }
}
</style>
";

/// What is drawn of each row: its name, the unit, a median, and how that is written.
struct Panel {
    title: &'static str,
    unit: &'static str,
    decimals: usize,
    of: fn(&Run) -> f64,
}

const PANELS: [Panel; 2] = [
    Panel { title: "CPU time", unit: "s", decimals: 3, of: CPU },
    Panel { title: "peak memory", unit: "MiB", decimals: 1, of: MEMORY },
];

/// The chart as SVG.
pub fn chart(title: &str, rows: &[Row]) -> String {
    let shown: Vec<_> = rows.iter().filter(|row| !row.runs.is_empty()).collect();
    let panel_height = HEAD + shown.len() * LINE + 10;
    let height = 40 + PANELS.len() * panel_height;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n"
    );
    let cut: String = title.chars().take(80).collect();
    // Writing to a string never fails.
    let _ = write!(
        text,
        "<title>{}</title>\n{STYLE}<rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n",
        escaped(title)
    );
    let _ = writeln!(text, "<text class=\"title\" x=\"16\" y=\"26\">{}</text>", escaped(&cut));
    for (number, panel) in PANELS.iter().enumerate() {
        draw(&mut text, panel, &shown, 40 + number * panel_height);
    }
    text + "</svg>\n"
}

fn draw(text: &mut String, panel: &Panel, rows: &[&Row], top: usize) {
    let Panel { title, unit, decimals, of } = panel;
    let base = rows.iter().find(|row| row.name == LIBC).copied();
    let middle = |row: &Row| row.middle_and_least(*of).map_or(0.0, |(middle, _)| middle);
    let most = rows.iter().map(|row| middle(row)).fold(f64::MIN_POSITIVE, f64::max);
    let _ = writeln!(
        text,
        "<text x=\"16\" y=\"{}\">{title}<tspan class=\"unit\"> in {unit}, median; less is better</tspan></text>",
        top + 20
    );
    for (number, row) in rows.iter().enumerate() {
        let y = top + HEAD + number * LINE;
        let value = middle(row);
        let width = value / most * (WIDTH - LEFT - RIGHT) as f64;
        let name = escaped(&row.name);
        let class = if row.name == "metes" { "bar metes" } else { "bar" };
        let of_base = row.ratio(base, *of).map(|ratio| format!(" ({ratio:.2} of {LIBC})")).unwrap_or_default();
        let _ = writeln!(text, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>", LEFT - 8, y + 15);
        let _ = writeln!(
            text,
            "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"20\" rx=\"3\"/>"
        );
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{}\">{value:.decimals$} {unit}<tspan class=\"unit\">{of_base}</tspan></text>",
            LEFT as f64 + width + 8.0,
            y + 15
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
