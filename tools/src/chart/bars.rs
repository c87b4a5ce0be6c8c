//! Bars: a name, a bar, and its value behind it.

use super::{Colour, Panel, WIDTH, escaped};
use std::fmt::Write;

const LEFT: usize = 130;
/// Behind the longest bar stands its value.
const RIGHT: usize = 185;
const LINE: usize = 26;
const HEAD: usize = 34;

/// A bar.
pub struct Bar {
    /// Its name.
    pub name: String,
    /// Its length.
    pub value: f64,
    /// What stands behind its value.
    pub note: String,
    /// Its colour.
    pub colour: Colour,
}

/// A panel of bars.
pub struct Bars {
    /// What they say.
    pub title: String,
    /// How they come from rounds.
    pub how: &'static str,
    /// In which unit.
    pub unit: &'static str,
    /// Digits behind the point.
    pub decimals: usize,
    /// The bars.
    pub bars: Vec<Bar>,
}

impl Panel for Bars {
    fn height(&self) -> usize {
        HEAD + self.bars.len() * LINE + 10
    }

    fn draw(&self, text: &mut String, top: usize) {
        let Self { title, how, unit, decimals, bars } = self;
        let most = bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
        let _ = writeln!(
            text,
            "<text x=\"16\" y=\"{}\">{} <tspan class=\"unit\">in {unit}, {how}; less is better</tspan></text>",
            top + 20,
            escaped(title)
        );
        for (number, Bar { name, value, note, colour }) in bars.iter().enumerate() {
            let y = top + HEAD + number * LINE;
            let width = value / most * (WIDTH - LEFT - RIGHT) as f64;
            let short: String = name.chars().take(16).collect();
            let _ = writeln!(
                text,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
                LEFT - 8,
                y + 15,
                escaped(&short)
            );
            let _ = writeln!(
                text,
                "<rect class=\"b{colour}\" x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"20\" rx=\"3\"/>"
            );
            let _ = writeln!(
                text,
                "<text x=\"{:.1}\" y=\"{}\">{value:.decimals$} {unit} <tspan class=\"unit\">{}</tspan></text>",
                LEFT as f64 + width + 8.0,
                y + 15,
                escaped(note)
            );
        }
    }
}
