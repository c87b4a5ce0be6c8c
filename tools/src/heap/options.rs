//! The options that are in force in a process.

use super::source::{Record, Source};
use metes::internals::option_keys::{self, InForce};
use metes::internals::option_values::{CHANGING, Values};
use metes::internals::read_only::{TEXT, TEXTS, WORDS};

/// The options of a process; `None` if its library has others, or does not say where they are.
pub fn read(source: &Source<'_>) -> Option<Values> {
    let channel = &source.channel;
    if channel.option_mark != option_keys::MARK {
        return None;
    }
    let words = Record::read(source, channel.option_words.get() as u64, WORDS * 8)?;
    let texts = Record::read(source, channel.option_texts.get() as u64, TEXTS * TEXT)?;
    let places = Record::read(source, channel.option_changing.get() as u64, CHANGING * 8)?;
    let mut values = Values { words: [0; WORDS], texts: [[0; TEXT]; TEXTS], changing: [0; CHANGING] };
    values.words.iter_mut().zip(words.words()).for_each(|(into, word)| *into = word as usize);
    values.texts.iter_mut().zip(texts.bytes().chunks(TEXT)).for_each(|(into, text)| into.copy_from_slice(text));
    for (into, place) in values.changing.iter_mut().zip(places.words()) {
        *into = source.word(place)? as usize;
    }
    Some(values)
}

/// Whether blocks remember the calls that have allocated them.
pub fn have_blocks_calls(values: &Values) -> bool {
    value(values, "debug") == "1" || value(values, "leaks") == "exit"
}

/// Whether blocks have trailers, which are checked.
pub fn are_blocks_checked(values: &Values) -> bool {
    have_blocks_calls(values) || value(values, "checks") == "full"
}

/// The value of an option, as `METES_OPTIONS` has it.
fn value(values: &Values, name: &str) -> String {
    let mut found = String::new();
    option_keys::each_in_force(values, &mut |option: &InForce<'_>| {
        if option.name == name {
            found = option.value.to_owned();
        }
    });
    found
}
