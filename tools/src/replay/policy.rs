//! What a replay runs on: an allocator, and for metes its options.

use crate::allocators::{self, Allocator};
use crate::failure::Failure;
use crate::settings;
use std::path::Path;

/// Time does not pass in a replay as it did in the program, so nothing is given back because of it.
const NO_DECAY: &str = "decay_ms=1000000000";

/// What a replay runs on.
pub struct Policy {
    /// What it is called.
    pub name: String,
    /// The allocator.
    pub allocator: Allocator,
    /// METES_OPTIONS; `None` if it is not metes.
    pub options: Option<String>,
}

/// Those of the command line: the allocators that are here, or those named, and metes with each set of options.
/// Also all allocators that are known.
pub fn choose(
    metes: Option<&Path>,
    given: &[String],
    only: &[String],
    sets: &[String],
) -> Result<(Vec<Policy>, Vec<Allocator>), Failure> {
    let all = allocators::find(metes, given, only)?;
    let is_wanted = |one: &Allocator| {
        let is_given = given.iter().any(|text| text.split_once('=').is_some_and(|(name, _)| name == one.name));
        only.contains(&one.name) || (only.is_empty() && (sets.is_empty() || is_given))
    };
    let mut policies = Vec::new();
    for one in all.iter().filter(|one| is_wanted(one)) {
        let options = (one.name == allocators::METES).then(|| NO_DECAY.to_owned());
        policies.push(Policy { name: one.name.clone(), allocator: one.clone(), options });
    }
    for text in sets {
        let policy = set(text, &all)?;
        if policies.iter().any(|other| other.name == policy.name) {
            return Err(Failure::about(text, "there is a row of this name already"));
        }
        policies.push(policy);
    }
    Ok((policies, all))
}

/// `LABEL:key=value,key=value`.
fn set(text: &str, all: &[Allocator]) -> Result<Policy, Failure> {
    let Some((name, options)) = text.split_once(':').filter(|(name, _)| !name.is_empty()) else {
        return Err(Failure::about(text, "--set takes LABEL:KEY=VALUE,KEY=VALUE"));
    };
    settings::check(options)?;
    let metes = all.iter().find(|one| one.name == allocators::METES);
    let allocator = metes.cloned().ok_or_else(|| Failure::about(text, "metes is not here"))?;
    Ok(Policy { name: name.to_owned(), allocator, options: Some(format!("{NO_DECAY},{options}")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_metes_by_another_name() {
        let all = [Allocator { name: "metes".into(), path: Some("/x/libmetes.so".into()) }];
        let policy = set("worst:fit=worst,decay_ms=5", &all).unwrap();
        assert_eq!((policy.name.as_str(), policy.allocator.name.as_str()), ("worst", "metes"));
        // What is said last holds.
        assert_eq!(settings::value(policy.options.as_deref().unwrap(), "decay_ms"), Some("5"));
        for wrong in ["worst", ":fit=worst", "a:fit=wurst", "a:fits=worst"] {
            assert!(set(wrong, &all).is_err(), "{wrong}");
        }
    }
}
