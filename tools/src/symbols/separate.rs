//! Files, and the files that have the debug information of others.

use object::Object;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file's bytes. All that is made of them shares them.
pub type Bytes = Arc<[u8]>;

/// Reads a regular file. It is not mapped: a file that shrinks meanwhile would end the process.
pub fn read(path: &Path) -> Option<Bytes> {
    let length = fs::metadata(path).ok().filter(fs::Metadata::is_file)?.len();
    let mut file = File::open(path).ok()?;
    let mut bytes: Bytes = std::iter::repeat_n(0, usize::try_from(length).ok()?).collect();
    file.read_exact(Arc::get_mut(&mut bytes)?).ok()?;
    Some(bytes)
}

/// The file with the debug information of a module that has none itself.
pub fn debug_file(module: &Path, file: &object::File<'_>, directories: &[PathBuf]) -> Option<Bytes> {
    let build_id = file.build_id().ok().flatten();
    by_build_id(build_id, directories).or_else(|| by_link(module, file, directories))
}

/// The file that several debug files share, as dwz(1) makes it.
pub fn shared_file(debug_file: &Path, file: &object::File<'_>, directories: &[PathBuf]) -> Option<Bytes> {
    let (name, build_id) = file.gnu_debugaltlink().ok().flatten()?;
    let path = debug_file.parent()?.join(Path::new(std::ffi::OsStr::from_bytes(name)));
    let has_id = |bytes: &Bytes| {
        let parsed = object::File::parse(&**bytes).ok();
        parsed.is_some_and(|file| file.build_id().ok().flatten() == Some(build_id))
    };
    read(&path).filter(has_id).or_else(|| by_build_id(Some(build_id), directories))
}

fn by_build_id(build_id: Option<&[u8]>, directories: &[PathBuf]) -> Option<Bytes> {
    let (first, rest) = build_id?.split_first()?;
    let rest: String = rest.iter().map(|byte| format!("{byte:02x}")).collect();
    let name = format!(".build-id/{first:02x}/{rest}.debug");
    directories.iter().find_map(|directory| {
        let bytes = read(&directory.join(&name))?;
        let parsed = object::File::parse(&*bytes).ok()?;
        // Under this name lies what somebody has put there.
        (parsed.build_id().ok().flatten() == build_id).then(|| bytes.clone())
    })
}

fn by_link(module: &Path, file: &object::File<'_>, directories: &[PathBuf]) -> Option<Bytes> {
    let (name, sum) = file.gnu_debuglink().ok().flatten()?;
    let name = std::ffi::OsStr::from_bytes(name);
    let here = fs::canonicalize(module).ok()?;
    let here = here.parent()?;
    let below = here.strip_prefix("/").unwrap_or(here);
    let beside = [here.join(name), here.join(".debug").join(name)];
    let far = directories.iter().map(|directory| directory.join(below).join(name));
    beside.into_iter().chain(far).filter_map(|path| read(&path)).find(|bytes| crc32(bytes) == sum)
}

/// The sum that a debug link has of the file that it means.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut index = 0;
        while index < 256 {
            let (mut sum, mut bit) = (index as u32, 0);
            while bit < 8 {
                sum = if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 };
                bit += 1;
            }
            table[index] = sum;
            index += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |sum, &byte| sum >> 8 ^ TABLE[usize::from(sum as u8 ^ byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_a_known_text() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn what_is_no_file_is_not_read() {
        assert!(read(Path::new("/dev/zero")).is_none() && read(Path::new("/")).is_none());
        assert!(read(Path::new("/proc/self/no such file")).is_none());
    }
}
