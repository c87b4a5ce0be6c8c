//! Charts as SVG that can be read on light and on dark ground: panels of bars and of lines, one below the other.

pub mod bars;
pub mod lines;

use std::fmt::Write;

/// Pixels from left to right.
pub const WIDTH: usize = 760;
/// The place of the title.
const TITLE: usize = 40;

const STYLE: &str = "<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 15px; }
.unit { fill: #59636e; }
.small { font-size: 11.5px; }
.grid { stroke: #d1d9e0; stroke-width: 1; }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.area { fill: #818b98; opacity: .28; }
.ground { fill: #ffffff; }
.c0 { --c: #8c959f; } .c1 { --c: #0969da; } .c2 { --c: #d4600b; } .c3 { --c: #1a7f37; } .c4 { --c: #8250df; }
.c5 { --c: #cf222e; } .c6 { --c: #0e8a94; } .c7 { --c: #9a6700; } .c8 { --c: #bf3989; }
.fill { fill: var(--c); } .line { stroke: var(--c); }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc; }
.unit { fill: #9198a1; }
.grid { stroke: #3d444d; }
.area { fill: #9198a1; }
.ground { fill: #0d1117; }
.c0 { --c: #656c76; } .c1 { --c: #4493f8; } .c2 { --c: #f0883e; } .c3 { --c: #3fb950; } .c4 { --c: #ab7df8; }
.c5 { --c: #f85149; } .c6 { --c: #2bb8c4; } .c7 { --c: #d29922; } .c8 { --c: #db61a2; }
}
</style>
";

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
        "<title>{}</title>\n{STYLE}<rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n",
        escaped(title)
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
