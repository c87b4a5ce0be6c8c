//! The screen. Colours are the terminal's own: the text has its default one, and the 16 of ANSI fill bars.

use super::state::State;
use super::tab::Tab;
use super::tables::table;
use crate::heap::usage::{Part, Usage};
use crate::heap::verdict::verdicts;
use crate::text::{bytes, count, percent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

/// Fewer columns or rows show nothing but a word about that.
const SMALLEST: (u16, u16) = (40, 10);
const KEYS: [(&str, &str); 9] = [
    ("1 2 3 4, tab", "another table"),
    ("s", "sorts it by the next column"),
    ("up, down, page", "scrolls it"),
    ("p, space", "pauses, and goes on"),
    ("+ -", "looks half as often, twice as often"),
    ("?", "these keys"),
    ("q, escape", "ends"),
    ("", "All of the heap is walked as often as 2% of"),
    ("", "one core allow; between walks only counters."),
];

/// Draws all of it.
pub fn draw(frame: &mut Frame<'_>, state: &State) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        frame.render_widget(Paragraph::new("the terminal is too small").wrap(Wrap { trim: true }), area);
        return;
    }
    let mut page = Page { frame, left: area };
    page.title(state);
    let roomy = area.height >= 20;
    page.bar(state, roomy);
    if roomy {
        page.skip();
    }
    page.line(history("resident", state.rss, &state.resident.bars(area.width as usize - 22)));
    page.line(history("in use", state.usage.parts.in_use.resident, &state.in_use.bars(area.width as usize - 22)));
    page.line(calls(state, area.width as usize));
    if roomy {
        page.skip();
    }
    page.foot(state, roomy);
    if state.help {
        page.help();
    } else {
        page.table(state);
    }
}

/// What is left of the screen.
struct Page<'a, 'b> {
    frame: &'a mut Frame<'b>,
    left: Rect,
}

impl Page<'_, '_> {
    fn take(&mut self, rows: u16) -> Rect {
        let rows = rows.min(self.left.height);
        let area = Rect { height: rows, ..self.left };
        self.left = Rect { y: self.left.y + rows, height: self.left.height - rows, ..self.left };
        area
    }

    fn skip(&mut self) {
        self.take(1);
    }

    fn line(&mut self, line: Line<'_>) {
        let area = self.take(1);
        self.frame.render_widget(line, area);
    }

    fn title(&mut self, state: &State) {
        let snapshot = &state.snapshot;
        let left = format!(
            "{} ({}) on metes {}: {} resident",
            snapshot.name,
            snapshot.pid,
            snapshot.heap.version,
            bytes(state.rss)
        );
        let right = match (state.paused, state.age().as_secs()) {
            (true, _) => "paused".to_owned(),
            (_, 0..=1) => format!("every {} s", state.interval.as_secs_f64()),
            (_, age) => format!("walked {age} s ago"),
        };
        let room = self.left.width as usize;
        let gap = room.saturating_sub(left.chars().count() + right.len()).max(1);
        let title = format!("{left}{}{right}", " ".repeat(gap));
        self.line(Line::styled(title, Style::new().add_modifier(Modifier::BOLD)));
    }

    /// A bar of what the resident memory is, and what its colours mean.
    fn bar(&mut self, state: &State, roomy: bool) {
        let shares = shares(&state.usage);
        let all = shares.iter().map(|(_, _, part)| part.resident).sum::<u64>().max(1);
        let width = u64::from(self.left.width);
        let (mut spans, mut so_far, mut drawn) = (Vec::new(), 0, 0);
        for &(_, (colour, texture), part) in &shares {
            so_far += part.resident;
            let end = so_far * width / all;
            spans.push(Span::styled(texture.repeat((end - drawn) as usize), Style::new().fg(colour)));
            drawn = end;
        }
        let bar = self.take(if self.left.height > 24 { 2 } else { 1 });
        for row in 0..bar.height {
            self.frame.render_widget(Line::from(spans.clone()), Rect { y: bar.y + row, height: 1, ..bar });
        }
        let (mut line, mut used) = (Vec::new(), 0);
        for (what, (colour, texture), part) in shares.iter().filter(|(_, _, part)| part.resident != 0) {
            let share = if roomy { format!(" {}", percent(part.resident, all)) } else { String::new() };
            let text = format!(" {what} {}{share}", bytes(part.resident));
            let len = 3 + text.chars().count();
            if used != 0 && used + len > width as usize {
                self.line(Line::from(std::mem::take(&mut line)));
                used = 0;
            }
            line.push(Span::styled(*texture, Style::new().fg(*colour)));
            line.push(Span::raw(format!("{text}  ")));
            used += len;
        }
        self.line(Line::from(line));
    }

    /// The verdict and the keys, at the bottom.
    fn foot(&mut self, state: &State, roomy: bool) {
        let sentence = verdicts(&state.usage).into_iter().next().map(|(_, sentence)| sentence).unwrap_or_default();
        let width = self.left.width as usize;
        let rows = if roomy { sentence.len().div_ceil(width.saturating_sub(10).max(1)).min(4) } else { 1 } as u16;
        let sentence = if roomy { sentence } else { cut(&sentence, width) };
        let bottom = self.left.y + self.left.height;
        let keys = "1-4 tables  s sort  p pause  + - interval  ? keys  q quit";
        self.frame.render_widget(
            Line::styled(keys, Style::new().add_modifier(Modifier::REVERSED)),
            Rect { y: bottom - 1, height: 1, ..self.left },
        );
        self.frame.render_widget(
            Paragraph::new(sentence).wrap(Wrap { trim: true }),
            Rect { y: bottom - 1 - rows, height: rows, ..self.left },
        );
        self.left.height = self.left.height.saturating_sub(rows + 1 + u16::from(roomy));
    }

    fn help(&mut self) {
        for (key, what) in KEYS {
            self.line(Line::from(vec![
                Span::styled(format!("  {key:<16}"), Style::new().add_modifier(Modifier::BOLD)),
                Span::raw(what),
            ]));
        }
    }

    fn table(&mut self, state: &State) {
        let mut tabs = Vec::new();
        for (index, tab) in Tab::ALL.into_iter().enumerate() {
            let style = if tab == state.tab {
                Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD)
            } else {
                Style::new()
            };
            tabs.push(Span::styled(format!(" {} {} ", index + 1, tab.name()), style));
            tabs.push(Span::raw(" "));
        }
        self.line(Line::from(tabs));
        let table = table(state);
        let columns = table.head.len() - 1;
        let wide = ((self.left.width as usize * 2 / 3) / columns.max(1)).clamp(10, 14);
        let name = (self.left.width as usize).saturating_sub(wide * columns).min(56);
        let shown = columns.min((self.left.width as usize - 10) / wide);
        let name = if shown < columns { (self.left.width as usize).saturating_sub(wide * shown) } else { name };
        let mut head = vec![Span::raw(format!("{:<name$}", table.head[0]))];
        for (index, text) in table.head.iter().enumerate().skip(1).take(shown) {
            let bold = if index == table.sorted { Modifier::BOLD | Modifier::UNDERLINED } else { Modifier::empty() };
            head.push(Span::raw(" ".repeat(wide - text.len().min(wide))));
            head.push(Span::styled(*text, Style::new().add_modifier(bold)));
        }
        self.line(Line::from(head));
        let room = self.left.height as usize;
        let first = state.scroll.min(table.rows.len().saturating_sub(room));
        for row in table.rows.iter().skip(first).take(room) {
            // The end of a path says most.
            let most = name.saturating_sub(1);
            let first = if row[0].starts_with('/') { cut_before(&row[0], most) } else { cut(&row[0], most) };
            let mut text = format!("{first:<name$}");
            row.iter().skip(1).take(shown).for_each(|cell| text.push_str(&format!("{cell:>wide$}")));
            self.line(Line::raw(text));
        }
    }
}

/// The shares of the bar: name, colour and texture, size. Each texture differs from its neighbours', for terminals
/// without colours.
fn shares(usage: &Usage) -> [(&'static str, (Color, &'static str), Part); 8] {
    let parts = &usage.parts;
    let rest = Part { bytes: usage.rest.resident, resident: usage.rest.resident };
    [
        ("in use", (Color::Blue, "█"), parts.in_use),
        ("cached", (Color::Cyan, "▓"), parts.cached),
        ("quarantine", (Color::Magenta, "▒"), parts.quarantined),
        ("free in slabs", (Color::Yellow, "▒"), parts.free_in_slabs),
        ("free in heaps", (Color::Green, "░"), parts.free_in_heaps),
        ("kept", (Color::Red, "▓"), usage.kept),
        ("records", (Color::Red, "█"), usage.metadata),
        ("not metes'", (Color::DarkGray, "▒"), rest),
    ]
}

fn history(what: &str, now: u64, bars: &str) -> Line<'static> {
    Line::raw(format!("{what:<10}{:>10}  {bars}", bytes(now)))
}

fn calls(state: &State, width: usize) -> Line<'static> {
    use metes::Operation::{Aligned, Calloc, Free, Malloc, Realloc};
    let (figures, head) = match &state.rates {
        Some(rates) => (rates, "calls/s"),
        None => (&state.calls, "calls"),
    };
    let mut text = format!("{head:<8}");
    for (name, operation) in
        [("malloc", Malloc), ("free", Free), ("calloc", Calloc), ("realloc", Realloc), ("aligned", Aligned)]
    {
        let figure = figures.get(operation as usize).copied().unwrap_or(0);
        let part = format!("  {name} {}", count(figure));
        if text.len() + part.len() <= width {
            text.push_str(&part);
        }
    }
    Line::raw(text)
}

/// At most so many characters; the last one says if some are left out.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// The same, from the end.
fn cut_before(text: &str, most: usize) -> String {
    let len = text.chars().count();
    if len <= most {
        return text.to_owned();
    }
    let end: String = text.chars().skip(len + 1 - most.max(1)).collect();
    format!("…{end}")
}
