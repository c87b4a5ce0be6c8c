//! Where the recording goes: the path of the option, from the root on, as the program may go elsewhere.

use crate::base::line::Line;
use crate::base::path::Path;
use crate::process::recording;
use crate::sys::file;
use core::fmt::Write;
use libc::c_int;

/// An absolute path, with a zero at its end.
pub type Full = Line<2048>;

/// With `%p` in the path, how many files of one process there may be: each exec makes another.
const MOST: usize = 100;

/// Makes the file of an option's path, which must not be there yet, or says why not; `full` becomes its whole path. With
/// `%p` in the option, a number is put behind the name where there is a file already.
pub fn make(path: &Path, full: &mut Full) -> Result<(), c_int> {
    let tries = if recording::has_file_for_each() { MOST } else { 1 };
    for turn in 0..tries {
        full.clear();
        if !path.as_bytes().starts_with(b"/") {
            file::with_directory(|directory| {
                full.push(directory);
                full.push(b"/");
            });
        }
        full.push(path.as_bytes().strip_suffix(&[0]).unwrap_or_default());
        if turn != 0 {
            // A write to a `Line` never fails.
            let _ = write!(full, ".{turn}");
        }
        full.push(&[0]);
        match file::create_new(full.as_bytes()) {
            Ok(fd) => {
                file::close(fd);
                return Ok(());
            }
            Err(libc::EEXIST) => {}
            Err(error) => return Err(error),
        }
    }
    Err(libc::EEXIST)
}
