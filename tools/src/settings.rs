//! The library's options, as the library itself knows them, and METES_OPTIONS for a program.

use crate::failure::Failure;
use metes::internals::option_keys;
use serde::Serialize;

/// An option of the library.
#[derive(Serialize)]
pub struct Setting {
    /// Its key.
    pub name: &'static str,
    /// What it takes, in words.
    pub takes: &'static str,
    /// Its default, or how that is found; empty if there is none.
    pub default: String,
}

/// All options, in the library's order.
pub fn all() -> Vec<Setting> {
    let mut all = Vec::new();
    option_keys::describe(&mut |name, takes, default| all.push(Setting { name, takes, default: default.to_owned() }));
    all
}

/// Looks at `key=value`, or several of them with commas between, as the library would take them.
pub fn check(text: &str) -> Result<(), Failure> {
    for option in text.split(',').filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match option_keys::takes(name, value) {
            Some(true) => {}
            Some(false) => {
                let all = all();
                let takes = all.iter().find(|setting| setting.name == name).map_or("", |setting| setting.takes);
                return Err(Failure::about(option, format!("bad value: {name} takes {takes}")));
            }
            None => {
                let names: Vec<_> = all().iter().map(|setting| setting.name).collect();
                return Err(Failure::about(name, format!("unknown option: the options are {}", names.join(", "))));
            }
        }
    }
    Ok(())
}

/// The last value of a key in a text of options.
pub fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut options = text.split(',').filter_map(|option| option.split_once('='));
    options.rfind(|(name, _)| *name == key).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_knows_what_is_valid() {
        assert!(check("checks=full,,guard=on").is_ok() && check("").is_ok() && check("help").is_ok());
        assert!(check("checks=fully").is_err() && check("checks").is_err() && check("chekcs=full").is_err());
        assert!(all().iter().any(|setting| setting.name == "cutoff" && setting.default.starts_with("256k")));
    }

    #[test]
    fn the_last_value_holds() {
        assert_eq!(value("report=a,stats=exit,report=b", "report"), Some("b"));
        assert_eq!(value("reports=a", "report"), None);
    }
}
