//! The profiles that the processes of a program keep in files, from its start to its end.

use super::{Profile, What, read};
use crate::failure::Failure;
use crate::run::scratch::Scratch;
use std::path::{Path, PathBuf};

/// Where they are kept.
pub struct Kept {
    file: PathBuf,
    /// Where the files are nobody else's, and go away in the end.
    scratch: Option<Scratch>,
}

impl Kept {
    /// In a private directory, or in a file, which must not be there yet.
    pub fn new(file: Option<&Path>) -> Result<Self, Failure> {
        let Some(file) = file else {
            let scratch = Scratch::new()?;
            return Ok(Self { file: scratch.path().with_file_name("profile-%p"), scratch: Some(scratch) });
        };
        let file = std::path::absolute(file).map_err(|error| Failure::of_system(file.display(), &error))?;
        if file.exists() {
            return Err(Failure::about(file.display(), "is there already, and stays as it is"));
        }
        Ok(Self { file, scratch: None })
    }

    /// The options by which a program keeps its profile here.
    pub fn options(&self, rate: &str) -> String {
        format!("profile={rate},profile_file={}", self.file.display())
    }

    /// The profiles, of which the last has allocated most.
    pub fn profiles(&self) -> Result<Vec<Profile>, Failure> {
        let files = if self.scratch.is_some() { made_beside(&self.file) } else { vec![self.file.clone()] };
        let profiles = files.iter().filter(|file| file.exists()).map(|file| read::of_file(file));
        let mut profiles = profiles.collect::<Result<Vec<_>, _>>()?;
        profiles.sort_by_key(|profile| profile.amount(What::Allocated).bytes);
        Ok(profiles)
    }
}

/// The files beside one whose name ends in `%p`, which the processes have made.
fn made_beside(template: &Path) -> Vec<PathBuf> {
    let start = template.file_name().unwrap_or_default().to_string_lossy().replace("%p", "");
    let beside = template.parent().and_then(|folder| std::fs::read_dir(folder).ok());
    let paths = beside.into_iter().flatten().flatten().map(|entry| entry.path());
    paths.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&start))).collect()
}
