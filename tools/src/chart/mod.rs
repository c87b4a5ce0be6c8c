//! Charts as SVG that can be read on light and on dark ground: panels of bars and of lines, one below the other.

pub mod bars;
pub mod lines;

use std::fmt::Write;

/// Pixels from left to right.
pub const WIDTH: usize = 760;
/// The place of the title.
const TITLE: usize = 40;

/// What has one colour on light ground, and another on dark.
const STYLE: &str = "\
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 15px; }
.unit { fill: #59636e; }
.small { font-size: 11.5px; }
.grid { stroke: #d1d9e0; stroke-width: 1; }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.area { fill: #d8dde2; }
.ground { fill: #ffffff; }
";
const DARK: &str = "\
text { fill: #f0f6fc; }
.unit { fill: #9198a1; }
.grid { stroke: #3d444d; }
.area { fill: #30363d; }
.ground { fill: #0d1117; }
";
/// The colours of bars and lines.
const LIGHT_COLOURS: [&str; COLOURS] =
    ["#8c959f", "#0969da", "#d4600b", "#1a7f37", "#8250df", "#cf222e", "#0e8a94", "#9a6700", "#bf3989"];
const DARK_COLOURS: [&str; COLOURS] =
    ["#7d8590", "#4493f8", "#f0883e", "#3fb950", "#ab7df8", "#f85149", "#2bb8c4", "#d29922", "#db61a2"];

/// A colour, by its number: 0 is grey, 1 is that of metes.
pub type Colour = usize;

/// So many colours there are.
pub const COLOURS: usize = 9;

/// The colours of rows of allocators, by their names.
pub fn colours<'a>(names: impl Iterator<Item = &'a str>, plain: &str, own: &str) -> Vec<Colour> {
    let mut next = 1;
    let mut of = |name: &str| {
        if name == plain {
            return 0;
        }
        if name == own {
            return 1;
        }
        next = if next + 1 < COLOURS { next + 1 } else { 2 };
        next
    };
    names.map(&mut of).collect()
}

fn style() -> String {
    let of = |colours: [&str; COLOURS]| {
        let rules = colours
            .iter()
            .enumerate()
            .map(|(n, colour)| format!(".b{n} {{ fill: {colour}; }} .l{n} {{ stroke: {colour}; }}\n"));
        rules.collect::<String>()
    };
    let (light, dark) = (of(LIGHT_COLOURS), of(DARK_COLOURS));
    format!("<style>\n{STYLE}{light}@media (prefers-color-scheme: dark) {{\n{DARK}{dark}}}\n</style>")
}

/// A panel: what it draws from a height on, and how high it is.
pub trait Panel {
    /// Pixels from top to bottom.
    fn height(&self) -> usize;
    /// Adds it to a text.
    fn draw(&self, text: &mut String, top: usize);
}

/// Panels with a title.
pub fn chart(title: &str, panels: &[&dyn Panel]) -> String {
    let height = TITLE + panels.iter().map(|panel| panel.height()).sum::<usize>();
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n"
    );
    let cut: String = title.chars().take(80).collect();
    // Writing to a string never fails.
    let _ = write!(
        text,
        "<title>{}</title>\n{}\n<rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n",
        escaped(title),
        style()
    );
    let _ = writeln!(text, "<text class=\"title\" x=\"16\" y=\"26\">{}</text>", escaped(&cut));
    let mut top = TITLE;
    for panel in panels {
        panel.draw(&mut text, top);
        top += panel.height();
    }
    text + "</svg>\n"
}

/// A text that does no harm in XML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
