//! Kinds of options: how a value is read, where it is, and how it is shown.

use super::option_values::Values;
use super::options::{GUARD_ON, GUARD_SPACED_ON};
use crate::base::line::Line;
use crate::base::read_only::{Text, Word};
use crate::trace::report;
use core::fmt::Write;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::Relaxed;

/// An option: its name and what it takes, with a blank between, and how it is set.
pub(super) struct Key {
    pub(super) text: &'static str,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    /// One of these names, which blanks separate. The word holds its index.
    Choice(Word, &'static str),
    /// A number up to this one.
    Number(Word, usize),
    Text(Text),
    /// An option that needs more than a word: how a value is read (`None`: it is bad) and set, where the value
    /// is, and how the default is shown.
    Other(fn(&str) -> Option<usize>, fn(usize), Place, &'static str),
}

/// Where a value is.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// In a read-only word, as bytes.
    Word(Word),
    /// In a word that can change, as bytes; and its default.
    Size(&'static AtomicUsize, usize),
    /// The same, where 0 stands for the default.
    Rate(&'static AtomicUsize),
    /// There is none.
    Nowhere,
}

use Kind::{Choice, Number, Other};

/// An option.
pub(super) const fn key(text: &'static str, kind: Kind) -> Key {
    Key { text, kind }
}

/// How a default is shown that depends on whether blocks are checked.
pub(super) const BY_LEVEL: &str = "off, or more where blocks are checked";

impl Key {
    pub(super) fn parts(&self) -> (&'static str, &'static str) {
        self.text.split_once(' ').unwrap_or((self.text, ""))
    }

    pub(super) fn name(&self) -> &'static str {
        self.parts().0
    }

    /// What a value stands for; `None` if it is bad. A text stands for itself.
    pub(super) fn read(&self, value: &str) -> Option<usize> {
        match self.kind {
            Choice(_, names) => names.split(' ').position(|name| name == value),
            Number(_, most) => number(value, most),
            Kind::Text(_) => Text::fits(value).then_some(0),
            Other(read, ..) => read(value),
        }
    }

    pub(super) fn set(&self, value: &str) -> bool {
        let Some(new) = self.read(value) else { return false };
        match self.kind {
            Choice(slot, _) | Number(slot, _) => slot.set(new),
            Kind::Text(text) => return text.set(value),
            Other(_, set, ..) => set(new),
        }
        true
    }

    /// Writes `name=value`, the default in parentheses, and what the option takes.
    pub(super) fn tell(&self) {
        let (name, takes) = self.parts();
        let mut line = Line::<512>::new();
        let mut push = |text: &str| line.push(text.as_bytes());
        push("metes: ");
        push(name);
        push("=");
        self.push_now(&mut line);
        line.push(b" (");
        self.push_default(&mut line);
        line.push(b"): ");
        line.push(takes.as_bytes());
        line.end();
        report::write_all(libc::STDERR_FILENO, line.as_bytes());
    }

    /// Which word or text it is in, and the default there; 0 for neither.
    pub(super) const fn word(&self) -> (usize, usize) {
        match self.kind {
            Choice(slot, _) | Number(slot, _) | Other(_, _, Place::Word(slot), _) => (slot.index(), slot.default()),
            Kind::Text(slot) => (slot.index(), 0),
            Other(_, _, Place::Size(_, default), _) => (0, default),
            Other(_, _, Place::Rate(_) | Place::Nowhere, _) => (0, 0),
        }
    }

    /// The value in this process, as a number; of a text nothing.
    fn now(&self) -> usize {
        match self.kind {
            Choice(slot, _) | Number(slot, _) | Other(_, _, Place::Word(slot), _) => slot.get(),
            Other(_, _, Place::Size(word, _) | Place::Rate(word), _) => word.load(Relaxed),
            Kind::Text(_) | Other(_, _, Place::Nowhere, _) => 0,
        }
    }

    /// The same in another process.
    fn of(&self, values: &Values) -> usize {
        match self.kind {
            Choice(slot, _) | Number(slot, _) | Other(_, _, Place::Word(slot), _) => slot.of(&values.words),
            Other(_, _, Place::Size(word, _) | Place::Rate(word), _) => values.changing(word),
            Kind::Text(_) | Other(_, _, Place::Nowhere, _) => 0,
        }
    }

    /// Whether an option of another process has its default.
    pub(super) fn is_default(&self, values: &Values) -> bool {
        match self.kind {
            Kind::Text(text) => text.of(&values.texts).is_empty(),
            Choice(slot, _) | Number(slot, _) | Other(_, _, Place::Word(slot), _) => self.of(values) == slot.default(),
            Other(_, _, Place::Size(_, default), _) => self.of(values) == default,
            Other(_, _, Place::Rate(_) | Place::Nowhere, _) => self.of(values) == 0,
        }
    }

    /// Whether another process has what a text stands for; `None` if it is bad.
    pub(super) fn is(&self, text: &str, values: &Values) -> Option<bool> {
        let meant = self.read(text)?;
        Some(match self.kind {
            Kind::Text(slot) => slot.of(&values.texts) == text.as_bytes(),
            Other(_, _, Place::Rate(_), _) if meant == GUARD_SPACED_ON => self.of(values) == GUARD_ON,
            _ => self.of(values) == meant,
        })
    }

    /// Adds the value in another process.
    pub(super) fn push_value(&self, line: &mut Line<512>, values: &Values) {
        match self.kind {
            Kind::Text(text) => line.push(text.of(&values.texts)),
            _ => self.push(line, self.of(values)),
        }
    }

    pub(super) fn push_now(&self, line: &mut Line<512>) {
        match self.kind {
            Kind::Text(text) => text.bytes().for_each(|byte| line.push(&[byte])),
            _ => self.push(line, self.now()),
        }
    }

    pub(super) fn push_default(&self, line: &mut Line<512>) {
        match self.kind {
            Choice(slot, _) | Number(slot, _) => self.push(line, slot.default()),
            Kind::Text(_) => {}
            Other(_, _, _, text) => line.push(text.as_bytes()),
        }
    }

    fn push(&self, line: &mut Line<512>, value: usize) {
        match self.kind {
            Choice(_, names) => line.push(names.split(' ').nth(value).unwrap_or(BY_LEVEL).as_bytes()),
            Number(..) => write_number(line, value, ""),
            Other(_, _, Place::Rate(_) | Place::Nowhere, text) if value == 0 => line.push(text.as_bytes()),
            Other(..) => write_size(line, value),
            Kind::Text(_) => {}
        }
    }
}

fn write_number(line: &mut Line<512>, number: usize, unit: &str) {
    // A write to a `Line` never fails.
    let _ = write!(line, "{number}{unit}");
}

/// Writes a number of bytes, or `off`.
pub(super) fn write_size(line: &mut Line<512>, bytes: usize) {
    let units = [(30, "g"), (20, "m"), (10, "k")];
    let unit = units.into_iter().find(|&(shift, _)| bytes != 0 && bytes.trailing_zeros() >= shift);
    let (shift, unit) = unit.unwrap_or((0, ""));
    if bytes == usize::MAX {
        return line.push(b"off");
    }
    write_number(line, bytes >> shift, unit);
}

/// Reads a number up to a greatest one.
pub(super) fn number(text: &str, most: usize) -> Option<usize> {
    text.parse().ok().filter(|&n| n <= most)
}

/// Reads a number of bytes with an optional k, m or g.
pub fn size(text: &str) -> Option<usize> {
    let units = [(['k', 'K'], 10), (['m', 'M'], 20), (['g', 'G'], 30)];
    let with_unit = units.iter().find_map(|&(unit, shift)| Some((text.strip_suffix(unit)?, shift)));
    let (digits, shift) = with_unit.unwrap_or((text, 0));
    digits.parse::<usize>().ok()?.checked_mul(1 << shift)
}
