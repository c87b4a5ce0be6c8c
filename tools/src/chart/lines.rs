//! Lines of bytes over the calls of a trace, and an area below them.

use super::{Colour, Panel, WIDTH, escaped};
use crate::text::{bytes, count};
use std::fmt::Write;

const LEFT: usize = 84;
const RIGHT: usize = 24;
const HEAD: usize = 30;
const ROW: usize = 20;
const PLOT: usize = 230;
/// The place of the axis' numbers and of its name.
const FOOT: usize = 46;
/// About how many tenths of a pixel a letter of a legend takes.
const LETTER: usize = 65;

/// A line.
pub struct Line {
    /// Its name.
    pub name: String,
    /// Its colour.
    pub colour: Colour,
    /// Its points: a call, and bytes.
    pub points: Vec<(u64, u64)>,
}

/// A panel of lines.
pub struct Lines {
    /// What they say.
    pub title: String,
    /// What the axis counts.
    pub axis: &'static str,
    /// The area below them.
    pub area: Line,
    /// The lines.
    pub lines: Vec<Line>,
}

/// Where things are.
struct Scale {
    top: usize,
    most_x: u64,
    most_y: u64,
}

impl Scale {
    #[expect(clippy::cast_precision_loss, reason = "pixels")]
    fn x(&self, value: u64) -> f64 {
        LEFT as f64 + value as f64 / self.most_x as f64 * (WIDTH - LEFT - RIGHT) as f64
    }

    #[expect(clippy::cast_precision_loss, reason = "pixels")]
    fn y(&self, value: u64) -> f64 {
        (self.top + PLOT) as f64 - value as f64 / self.most_y as f64 * PLOT as f64
    }

    fn path(&self, points: &[(u64, u64)]) -> String {
        let mut path = String::new();
        for (number, &(x, y)) in points.iter().enumerate() {
            let letter = if number == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{letter}{:.1} {:.1}", self.x(x), self.y(y));
        }
        path
    }
}

impl Lines {
    /// The legend's rows: each name with its place.
    fn legend(&self) -> Vec<(usize, usize, &Line)> {
        let (mut x, mut row, mut places) = (16, 0, Vec::new());
        for line in std::iter::once(&self.area).chain(&self.lines) {
            let width = 40 + line.name.chars().count() * LETTER / 10;
            if x + width > WIDTH - 16 && x > 16 {
                (x, row) = (16, row + 1);
            }
            places.push((x, row, line));
            x += width;
        }
        places
    }

    fn rows(&self) -> usize {
        self.legend().last().map_or(1, |(_, row, _)| row + 1)
    }
}

impl Panel for Lines {
    fn height(&self) -> usize {
        HEAD + self.rows() * ROW + 10 + PLOT + FOOT
    }

    fn draw(&self, text: &mut String, top: usize) {
        let _ = writeln!(text, "<text x=\"16\" y=\"{}\">{}</text>", top + 20, escaped(&self.title));
        for (x, row, line) in self.legend() {
            let y = top + HEAD + row * ROW;
            let class =
                if std::ptr::eq(line, &raw const self.area) { "area".to_owned() } else { format!("b{}", line.colour) };
            let _ = writeln!(text, "<rect class=\"{class}\" x=\"{x}\" y=\"{}\" width=\"14\" height=\"10\"/>", y + 4);
            let _ = writeln!(
                text,
                "<text class=\"small\" x=\"{}\" y=\"{}\">{}</text>",
                x + 19,
                y + 13,
                escaped(&line.name)
            );
        }
        let all = || self.lines.iter().chain([&self.area]).flat_map(|line| &line.points);
        let most = all().map(|&(_, y)| y).max().unwrap_or(0).max(1);
        let step = binary_step(most);
        let scale = Scale {
            top: top + HEAD + self.rows() * ROW + 10,
            most_x: all().map(|&(x, _)| x).max().unwrap_or(0).max(1),
            most_y: most.next_multiple_of(step),
        };
        self.grid(text, &scale, step);
        if let (Some(first), Some(last)) = (self.area.points.first(), self.area.points.last()) {
            let (from, to) = (scale.x(first.0), scale.x(last.0));
            let ground = scale.y(0);
            let path = scale.path(&self.area.points);
            let _ = writeln!(text, "<path class=\"area\" d=\"{path}L{to:.1} {ground:.1}L{from:.1} {ground:.1}z\"/>");
        }
        for line in &self.lines {
            let _ = writeln!(
                text,
                "<path class=\"line l{}\" d=\"{}\"><title>{}</title></path>",
                line.colour,
                scale.path(&line.points),
                escaped(&line.name)
            );
        }
    }
}

impl Lines {
    fn grid(&self, text: &mut String, scale: &Scale, step: u64) {
        let end = WIDTH - RIGHT;
        for value in (0..=scale.most_y / step).map(|number| number * step) {
            let y = scale.y(value);
            let _ = writeln!(text, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{end}\"/>");
            let label = if value == 0 { "0".to_owned() } else { bytes(value) };
            let _ = writeln!(
                text,
                "<text class=\"small unit\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                LEFT - 8,
                y + 4.0
            );
        }
        let step = decimal_step(scale.most_x);
        let ground = scale.top + PLOT;
        for value in (0..=scale.most_x / step).map(|number| number * step) {
            let x = scale.x(value);
            let _ = writeln!(text, "<path class=\"grid\" d=\"M{x:.1} {ground}v5\"/>");
            let _ = writeln!(
                text,
                "<text class=\"small unit\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                ground + 18,
                count(value)
            );
        }
        let _ = writeln!(
            text,
            "<text class=\"small unit\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            usize::midpoint(LEFT, end),
            ground + 36,
            self.axis
        );
    }
}

/// A step of bytes of which at most six are needed: one, two or five times a power of ten, in a unit that fits.
fn binary_step(most: u64) -> u64 {
    let mut unit = 1;
    while most / unit >= 1000 {
        unit *= 1024;
    }
    // In tenths of the unit, if there are any.
    if unit > 1 && most / unit < 3 {
        (unit / 10).max(1) * decimal_step(most * 10 / unit)
    } else {
        unit * decimal_step(most / unit)
    }
}

fn decimal_step(most: u64) -> u64 {
    let mut ten = 1;
    loop {
        for step in [ten, 2 * ten, 5 * ten] {
            if most / step <= 6 {
                return step;
            }
        }
        ten *= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        assert_eq!([1, 6, 7, 40, 999, 1_234_567].map(decimal_step), [1, 1, 2, 10, 200, 200_000]);
        assert_eq!(binary_step(300 << 20), 50 << 20);
        assert_eq!(binary_step(12), 2);
        assert_eq!(binary_step(1500 << 10) / 1024, (1 << 20) / 10 * 5 / 1024);
    }

    #[test]
    fn a_panel_has_its_lines_and_its_axes() {
        let line = |name: &str, points: &[(u64, u64)]| Line { name: name.into(), colour: 2, points: points.to_vec() };
        let lines = Lines {
            title: "resident".into(),
            axis: "calls",
            area: line("live", &[(0, 0), (1000, 3 << 20)]),
            lines: vec![line("a<b", &[(0, 1 << 20), (500, 5 << 20), (1000, 4 << 20)])],
        };
        let mut text = String::new();
        lines.draw(&mut text, 0);
        for wanted in ["a&lt;b", "5.00 MiB", ">1,000<", ">calls<", "class=\"line l2\" d=\"M84.0 "] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
        // The highest point is at the top, where the axis ends.
        assert!(text.contains("L410.0 60.0L"), "{text}");
    }
}
