//! A process that runs with more rights than its caller takes no options from the environment.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const NOBODY: u32 = 65534;
const PROGRAM: &str = "#include <stdlib.h>\n#include <sys/auxv.h>\nint main(void) { free(malloc(1)); return (int)getauxval(AT_SECURE); }\n";

fn succeed(command: &mut Command) -> String {
    let output = command.output().expect("the tool is installed");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {errors}");
    errors
}

/// A set-user-id program of root is not secure when root runs it. One that belongs to the user nobody is.
#[test]
fn a_set_user_id_program_ignores_the_options() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = env::var_os("METES_LIB_DIR").map_or_else(|| root.join("target/release"), PathBuf::from);
    let place = root.join("target/c_tests/secure");
    fs::create_dir_all(&place).unwrap();
    let (source, program) = (place.join("program.c"), place.join("program"));
    fs::write(&source, PROGRAM).unwrap();
    succeed(
        Command::new("cc")
            .args(["-fno-builtin", "-o"])
            .args([&program, &source])
            .arg("-Wl,--whole-archive")
            .arg(folder.join("libmetes.a"))
            .arg("-Wl,--no-whole-archive"),
    );
    // An option that does not exist, and those that write to a file of the caller's choice.
    let files = ["stats.txt", "report.txt"].map(|name| place.join(name));
    files.iter().for_each(|file| drop(fs::remove_file(file)));
    let [stats, reports] = files.each_ref().map(|file| file.display().to_string());
    let options = format!("colour=red,stats=exit,stats_file={stats},report={reports},limit=4m,verify=1");
    let plain = Command::new(&program).env("METES_OPTIONS", &options).output().unwrap();
    assert_eq!(plain.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&plain.stderr).contains("unknown option 'colour'"));
    assert!(files[0].exists());
    files.iter().for_each(|file| drop(fs::remove_file(file)));

    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let with_root = |name: &str| {
        let mut command = Command::new(if is_root { name } else { "sudo" });
        if !is_root {
            command.args(["-n", "--preserve-env=METES_OPTIONS", name]);
        }
        command
    };
    succeed(with_root("chown").arg(NOBODY.to_string()).arg(&program));
    succeed(with_root("chmod").arg("4755").arg(&program));
    assert_ne!(fs::metadata(&program).unwrap().permissions().mode() & 0o4000, 0);
    let secure = with_root(program.to_str().unwrap()).env("METES_OPTIONS", &options).output().unwrap();
    assert_eq!(secure.status.code(), Some(1), "the kernel does not call it secure: {secure:?}");
    assert_eq!(String::from_utf8_lossy(&secure.stderr), "");
    assert!(files.iter().all(|file| !file.exists()), "a file was written");
}
