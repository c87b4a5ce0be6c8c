//! A program that runs on metes from its start to its end, with options that a verb needs.

use super::child::{End, Signals};
use crate::failure::Failure;
use crate::library::{self, Library};
use crate::{program, settings};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program that takes metes, and the library.
pub struct OnMetes<'a> {
    words: &'a [OsString],
    library: Library,
    /// The program's file.
    pub path: PathBuf,
}

impl<'a> OnMetes<'a> {
    /// Finds both. The words are the program's name and its arguments.
    pub fn find(words: &'a [OsString], library: Option<&Path>) -> Result<Self, Failure> {
        let path = program::find(&words[0])?;
        let library = library::find(library)?;
        let image = program::image(&path);
        if let Some(found) = program::obstacle(&image, &library.elf) {
            return Err(Failure::about(image.path.display(), format!("{}; {}", found.what, found.advice)));
        }
        Ok(Self { words, library, path })
    }

    /// Runs it. The options come behind those of the environment.
    pub fn run(&self, options: &str) -> Result<End, Failure> {
        settings::check(options)?;
        let before = std::env::var("METES_OPTIONS").unwrap_or_default();
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).env("LD_PRELOAD", self.library.preload());
        command.env("METES_OPTIONS", [before.as_str(), options].join(","));
        let child = Signals::take()
            .start(&mut command)
            .map_err(|error| Failure::of_system(self.words[0].display(), &error).with_status(program::NOT_FOUND))?;
        Ok(child.wait())
    }
}
