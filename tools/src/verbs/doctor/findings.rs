//! What was found, one line each.

use serde::Serialize;
use std::fmt;

/// How much a finding matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// To be known.
    Note,
    /// It keeps metes from working.
    Stop,
}

/// A finding.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// The part of the world that it is about, in a word or two.
    pub about: &'static str,
    /// What was found.
    pub what: String,
    /// What to do about it; empty if there is nothing to do.
    pub advice: String,
}

/// All findings, in the order of the looks.
#[derive(Default)]
pub struct Findings {
    /// The list.
    pub all: Vec<Finding>,
}

impl Findings {
    /// Something is as it should be.
    pub fn ok(&mut self, about: &'static str, what: impl Into<String>) {
        self.add(Level::Ok, about, what.into(), "");
    }

    /// Something is to be known.
    pub fn note(&mut self, about: &'static str, what: impl Into<String>, advice: &str) {
        self.add(Level::Note, about, what.into(), advice);
    }

    /// Something keeps metes from working.
    pub fn stop(&mut self, about: &'static str, what: impl Into<String>, advice: &str) {
        self.add(Level::Stop, about, what.into(), advice);
    }

    fn add(&mut self, level: Level, about: &'static str, what: String, advice: &str) {
        self.all.push(Finding { level, about, what, advice: advice.to_owned() });
    }

    /// Whether something keeps metes from working.
    pub fn has_stop(&self) -> bool {
        self.all.iter().any(|finding| finding.level == Level::Stop)
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { level, about, what, advice } in &self.all {
            let level = match level {
                Level::Ok => "ok",
                Level::Note => "note",
                Level::Stop => "stop",
            };
            let advice = if advice.is_empty() { String::new() } else { format!("; {advice}") };
            writeln!(f, "{level:4}  {about}: {what}{advice}")?;
        }
        Ok(())
    }
}
