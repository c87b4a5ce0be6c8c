//! What verbs read: files that a person names. They may be anything, such as a directory, a pipe, a device without an end.

use crate::failure::Failure;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// No file that is read into memory as a whole is longer.
const LONGEST: u64 = 1 << 28;

/// All bytes of a file, which may be a pipe.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    read_at_most(path, LONGEST)
}

fn read_at_most(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes));
    read.map_err(|error| Failure::of_system(path.display(), &error))?;
    if bytes.len() as u64 > most {
        return Err(Failure::about(path.display(), "is too long, or has no end"));
    }
    Ok(bytes)
}

/// Opens a file that is read here and there. A pipe would be waited for, and nothing else can be read so.
pub fn open(path: &Path) -> Result<File, Failure> {
    let failed = |error: &std::io::Error| Failure::of_system(path.display(), error);
    let found = fs::metadata(path).map_err(|error| failed(&error))?;
    if !found.is_file() {
        return Err(Failure::about(path.display(), "is no regular file"));
    }
    File::open(path).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_refused() {
        assert!(open(Path::new("/dev/zero")).is_err() && open(Path::new("/")).is_err());
        assert!(open(&std::env::current_exe().unwrap()).is_ok());
        assert!(read(Path::new("/")).is_err() && read(Path::new("/dev/null")).unwrap().is_empty());
        let failure = read_at_most(Path::new("/dev/zero"), 1000).unwrap_err();
        assert_eq!(failure.to_string(), "/dev/zero: is too long, or has no end");
    }
}
