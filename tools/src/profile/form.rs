//! The forms that a profile is written in.

use super::sites::Sites;
use super::{Profile, What, flame, page, pprof};
use crate::failure::Failure;
use crate::output;
use std::path::Path;

/// What a file is to be.
#[derive(Clone, Copy)]
pub enum Form {
    /// For `go tool pprof`.
    Pprof,
    /// A flame graph.
    Flame,
    /// Folded stacks.
    Folded,
    /// All figures.
    Json,
}

impl Form {
    /// What a file's name says.
    pub fn of(file: &Path) -> Result<Self, Failure> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let forms = [(".pb.gz", Self::Pprof), (".svg", Self::Flame), (".folded", Self::Folded), (".json", Self::Json)];
        let found = forms.into_iter().find(|(end, _)| name.ends_with(end));
        found.map(|(_, form)| form).ok_or_else(|| {
            Failure::about(file.display(), "its name says no form: valid ends are .pb.gz, .svg, .folded and .json")
        })
    }
}

/// Writes a profile to a file, in the form that its name says. Returns a line that says what is in it.
pub fn write(file: &Path, profile: &Profile, sites: &mut Sites, what: What) -> Result<String, Failure> {
    let bytes = match Form::of(file)? {
        Form::Pprof => pprof::pprof(profile, sites, what)?,
        Form::Flame => flame::picture(profile, sites, what, &title(profile, what))?,
        Form::Folded => (flame::folded(profile, sites, what).join("\n") + "\n").into_bytes(),
        Form::Json => page::json(profile, sites, what).into_bytes(),
    };
    output::write_file(file, &bytes)?;
    Ok(format!("{}: {}\n", file.display(), title(profile, what)))
}

fn title(profile: &Profile, what: What) -> String {
    let bytes = crate::text::bytes(profile.amount(what).bytes);
    format!("{bytes} {} of process {}, {} samples", what.words(), profile.pid, crate::text::count(profile.samples))
}
