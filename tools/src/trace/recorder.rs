//! Records a program: follows the raw files of its processes while they run, and makes a trace of each.
//!
//! The trace of the program itself has the name that was asked for, those of its children have the number of the process
//! behind it. If the program becomes another one by exec, the trace of what it was gets its number, too.

use super::pack::{Packer, Packing};
use super::raw::Raw;
use crate::failure::Failure;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the raw files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const PREFIX: &str = "trace-";

/// The file of a trace to be, which is made before the program starts. It goes away if nothing is recorded.
pub struct Target {
    path: PathBuf,
    file: Option<File>,
}

impl Target {
    /// Makes the file, which must not be there yet.
    pub fn new(path: &Path) -> Result<Self, Failure> {
        let file = create(path).map_err(|error| Failure::of_system(path.display(), &error))?;
        Ok(Self { path: path.to_path_buf(), file: Some(file) })
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if self.file.is_some() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The options by which the library records, with the raw files in a private directory.
pub fn options(directory: &Path, stacks: u32) -> String {
    format!("trace={}/{PREFIX}%p,trace_stacks={stacks}", directory.display())
}

fn create(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create_new(true).open(path)
}

/// A trace that was made.
pub struct Made {
    /// Its path.
    pub path: PathBuf,
    /// What is in it, or why it is not all there.
    pub result: Result<Packing, Failure>,
}

/// A thread that follows a program.
pub struct Recorder {
    thread: JoinHandle<Vec<Made>>,
    /// The thread ends when this is closed and the files have been read to their ends.
    going_on: Sender<()>,
}

impl Recorder {
    /// Starts to follow the raw files in a directory.
    pub fn start(target: Target, directory: PathBuf, pid: u32, debug_directories: &[PathBuf]) -> io::Result<Self> {
        let (going_on, ended) = mpsc::channel();
        let debug_directories = debug_directories.to_vec();
        let mut following = Following { directory, pid, target, main: None, traces: BTreeMap::new() };
        let follow = move || {
            while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                following.step();
            }
            following.step();
            following.finish(&debug_directories)
        };
        Ok(Self { thread: std::thread::Builder::new().name("trace".to_owned()).spawn(follow)?, going_on })
    }

    /// Packs what is left, and ends.
    pub fn finish(self) -> Vec<Made> {
        drop(self.going_on);
        self.thread.join().unwrap_or_default()
    }
}

/// A process, and which of its programs: each exec makes another.
type Image = (u32, u32);

/// A raw file that is followed.
struct Following {
    directory: PathBuf,
    pid: u32,
    /// What was asked for. Its file waits for the program's first trace.
    target: Target,
    /// Which one has the path that was asked for.
    main: Option<Image>,
    traces: BTreeMap<Image, One>,
}

struct One {
    path: PathBuf,
    state: Result<Packer, Failure>,
}

impl Following {
    /// Looks for new raw files, and packs what has come.
    fn step(&mut self) {
        let files = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let mut new: Vec<_> = files.filter_map(|file| Some((image(&file.file_name())?, file.path()))).collect();
        new.retain(|(image, _)| !self.traces.contains_key(image));
        new.sort();
        for (image, raw) in new {
            self.begin(image, &raw);
        }
        for one in self.traces.values_mut() {
            let stepped = one.state.as_mut().map_or(Ok(()), Packer::step);
            one.note(stepped);
        }
    }

    /// Begins a trace. A raw file that has no head yet comes again.
    fn begin(&mut self, image: Image, raw: &Path) {
        let opened = File::options().read(true).write(true).open(raw);
        let Some(raw) = opened.ok().and_then(|file| Raw::open(file, raw).ok()) else { return };
        let opened = self.file_for(image);
        let begun = opened.and_then(|(path, file)| match Packer::begin(raw, file, true) {
            Ok(packer) => Ok(One { path, state: Ok(packer) }),
            Err(error) => Err((path, error)),
        });
        let one = begun.unwrap_or_else(|(path, error)| {
            let failure = Failure::of_system(path.display(), &error);
            One { path, state: Err(failure) }
        });
        self.traces.insert(image, one);
    }

    /// The file for a trace.
    fn file_for(&mut self, image: Image) -> Result<(PathBuf, File), (PathBuf, io::Error)> {
        let make = |path: PathBuf| match create(&path) {
            Ok(file) => Ok((path, file)),
            Err(error) => Err((path, error)),
        };
        if image.0 != self.pid {
            return make(self.path_of(image));
        }
        if let Some(file) = self.target.file.take() {
            self.main = Some(image);
            return Ok((self.target.path.clone(), file));
        }
        // The program has become another one.
        if let Some(before) = self.main.take() {
            let path = self.path_of(before);
            if !path.exists() && fs::rename(&self.target.path, &path).is_ok() {
                self.traces.entry(before).and_modify(|one| one.path = path);
            }
        }
        self.main = Some(image);
        make(self.target.path.clone())
    }

    fn path_of(&self, (pid, turn): Image) -> PathBuf {
        let mut name = self.target.path.clone().into_os_string();
        name.push(if turn == 0 { format!(".{pid}") } else { format!(".{pid}.{turn}") });
        name.into()
    }

    fn finish(mut self, debug_directories: &[PathBuf]) -> Vec<Made> {
        let mut made = Vec::new();
        for (image, One { path, state }) in std::mem::take(&mut self.traces) {
            let finished = state.and_then(|packer| {
                packer.finish(debug_directories).map_err(|error| Failure::of_system(path.display(), &error))
            });
            let one = Made { path, result: finished };
            // The program itself comes first.
            if Some(image) == self.main { made.insert(0, one) } else { made.push(one) }
        }
        made
    }
}

impl One {
    /// What cannot be written ends the trace, and not the program.
    fn note(&mut self, stepped: io::Result<()>) {
        if let Err(error) = stepped {
            self.state = Err(Failure::of_system(self.path.display(), &error));
        }
    }
}

/// What the name of a raw file says: `trace-4711` or, after an exec, `trace-4711.1`.
fn image(name: &std::ffi::OsStr) -> Option<Image> {
    let rest = name.to_str()?.strip_prefix(PREFIX)?;
    let (pid, turn) = rest.split_once('.').unwrap_or((rest, "0"));
    Some((pid.parse().ok()?, turn.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_which_process_it_is() {
        assert_eq!(image("trace-4711".as_ref()), Some((4711, 0)));
        assert_eq!(image("trace-4711.12".as_ref()), Some((4711, 12)));
        assert!(["reports", "trace-", "trace-x", "trace-1.x"].iter().all(|name| image(name.as_ref()).is_none()));
    }
}
