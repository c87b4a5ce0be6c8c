//! What verbs write: to standard output, and to files that are whole or as they were.

use crate::failure::{Done, Failure};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// Writes a text to standard output.
pub fn print(text: impl AsRef<[u8]>) -> Done {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_ref()).and_then(|()| out.flush());
    written.map(|()| ExitCode::SUCCESS).map_err(|error| lost(&error))
}

/// Writes a value as JSON to standard output, in lines.
pub fn print_json(value: &impl serde::Serialize) -> Done {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::about("JSON", error))?;
    print(text + "\n")
}

/// Standard output takes no more. If nobody reads it any longer, this ends as the shell's other commands do.
pub fn lost(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        std::process::exit(128 + libc::SIGPIPE);
    }
    Failure::of_system("standard output", error)
}

/// Writes a file in one step: it is whole, or as it was before. A device, a pipe or a link is written to as it is.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let fail = |error: &io::Error| Failure::of_system(path.display(), error);
    let is_special = fs::symlink_metadata(path).is_ok_and(|found| !found.is_file());
    if is_special {
        return File::options()
            .write(true)
            .truncate(true)
            .open(path)
            .and_then(|mut file| file.write_all(bytes))
            .map_err(|error| fail(&error));
    }
    let mut name = path.file_name().ok_or_else(|| Failure::about(path.display(), "is no name of a file"))?.to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let whole = || {
        let mut file = File::options().write(true).create_new(true).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    whole().map_err(|error| {
        let _ = fs::remove_file(&new);
        fail(&error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_written_stays_as_it_was() {
        let place = std::env::temp_dir().join(format!("metes-output-{}", std::process::id()));
        fs::create_dir(&place).unwrap();
        let path = place.join("a file");
        write_file(&path, b"old").unwrap();
        write_file(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(&place).unwrap().count(), 1);
        assert!(write_file(&place, b"").is_err() && write_file(&place.join("none/x"), b"").is_err());
        assert!(write_file(Path::new("/dev/full"), b"x").is_err());
        assert!(write_file(Path::new("/dev/null"), b"x").is_ok());
        fs::remove_dir_all(&place).unwrap();
    }
}
