//! A scene as SVG. Colours of paper and text follow the reader's preference for light or dark.

use super::scene::{Box, Fill, Item, Scene};
use std::fmt::Write;

const STYLE: &str = "\
svg{background:#fff}text{font:11.5px ui-monospace,Menlo,Consolas,monospace;white-space:pre}\
.i{fill:#1d2126}.f{fill:#68707a}.a{fill:#dde1e6}.u{fill:#f1f3f5}.p{fill:#fff}\
@media(prefers-color-scheme:dark){svg{background:#15181c}.i{fill:#e6e9ed}.f{fill:#98a1ab}.a{fill:#3b424a}.u{fill:#23282e}.p{fill:#15181c}}";

/// The file.
pub fn write(scene: &Scene) -> String {
    let (width, height) = (scene.width.ceil(), scene.height.ceil());
    let mut file = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\
         <style>{STYLE}</style><rect class=\"p\" width=\"{width}\" height=\"{height}\"/>\n"
    );
    for item in &scene.items {
        let _ = match item {
            Item::Boxes { fill, eighths, boxes } => {
                let opacity =
                    if *eighths < 8 { format!(" opacity=\"{}\"", f32::from(*eighths) / 8.0) } else { String::new() };
                writeln!(file, "<path {}{opacity} d=\"{}\"/>", paint(*fill), path(boxes))
            }
            Item::Named { fill, at: [x, y, w, h], name } => writeln!(
                file,
                "<rect {} x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"><title>{}</title></rect>",
                paint(*fill),
                Short(*x),
                Short(*y),
                Short(*w),
                Short(*h),
                escaped(name)
            ),
            Item::Text { x, y, fill, bold, text } => {
                let (paint, bold) = (paint(*fill), if *bold { " font-weight=\"700\"" } else { "" });
                writeln!(file, "<text {paint}{bold} x=\"{}\" y=\"{}\">{}</text>", Short(*x), Short(*y), escaped(text))
            }
        };
    }
    file.push_str("</svg>\n");
    file
}

fn paint(fill: Fill) -> String {
    match fill {
        Fill::Rgb([r, g, b]) => format!("fill=\"#{r:02x}{g:02x}{b:02x}\""),
        Fill::Ink => "class=\"i\"".into(),
        Fill::Faint => "class=\"f\"".into(),
        Fill::Away => "class=\"a\"".into(),
        Fill::Untouched => "class=\"u\"".into(),
    }
}

fn path(boxes: &[Box]) -> String {
    let mut path = String::new();
    for &[x, y, w, h] in boxes {
        let _ = write!(path, "M{} {}h{}v{}h{}z", Short(x), Short(y), Short(w), Short(h), Short(-w));
    }
    path
}

/// A number without digits that nobody sees.
struct Short(f32);

impl std::fmt::Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = (self.0 * 100.0).round() / 100.0;
        write!(f, "{value}")
    }
}

fn escaped(text: &str) -> String {
    let printable = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(printable).collect::<String>().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_programs_do_no_harm() {
        let mut scene = Scene { width: 10.0, height: 10.5, items: Vec::new() };
        scene.text(1.25, 2.0, Fill::Ink, "<script>&\u{7}");
        scene.rect(Fill::Away, [0.0, 1.0 / 3.0, 2.0, 3.0]);
        let file = write(&scene);
        assert!(file.contains("x=\"1.25\" y=\"2\">&lt;script&gt;&amp;\u{fffd}</text>"), "{file}");
        assert!(file.contains("<path class=\"a\" d=\"M0 0.33h2v3h-2z\"/>") && file.contains("height=\"11\""), "{file}");
    }
}
