//! The verbs that say what is known: explain, options, completions and pages; and the command line itself.

mod common;

use common::{Place, Said, metes, run};
use std::fs::{self, File};
use std::process::Command;

#[test]
fn a_code_is_explained() {
    let said = run(&["explain", "m001"]);
    assert!(said.status == Some(0) && said.out.starts_with("M001 double free\n\n"), "{said:?}");
    assert!(said.out.contains("Look for two owners of one pointer") && !said.out.contains("M002 freed"), "{said:?}");
    let all = run(&["explain"]);
    assert!(all.out.lines().count() >= 17 && all.out.lines().all(|line| line.starts_with('M')), "{all:?}");
    // Each code that the library reports has its chapter.
    let codes = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/safety.md")).unwrap();
    for code in codes.lines().filter_map(|line| line.strip_prefix("| M0")).map(|rest| format!("M0{}", &rest[..2])) {
        assert!(all.out.contains(&format!("{code} ")), "{code}");
        assert!(run(&["explain", &code]).out.lines().count() > 2, "{code}");
    }
    run(&["explain", "M000"]).refused(2, "metes: M000: no such code; valid are M001 M002");
}

#[test]
fn options_are_shown_as_the_library_tells_them() {
    let said = run(&["options"]);
    assert!(said.status == Some(0) && said.out.contains("\ncutoff        256k, follows  "), "{said:?}");
    let json: serde_json::Value = serde_json::from_str(&run(&["options", "--json"]).out).unwrap();
    let all = json.as_array().unwrap();
    // The library's own table, of a program that runs on it.
    let library = run(&["run", "-o", "help", "--", "true"]).err;
    assert_eq!(all.len(), library.lines().count(), "{library}");
    for (option, line) in all.iter().zip(library.lines()) {
        let text = |key: &str| option[key].as_str().unwrap().to_owned();
        let (name, takes, default) = (text("name"), text("takes"), text("default"));
        assert!(
            line.starts_with(&format!("metes: {name}=")) && line.ends_with(&format!(" ({default}): {takes}")),
            "{line}"
        );
    }
}

#[test]
fn shells_get_completions() {
    for (shell, words) in [("bash", "_metes()"), ("zsh", "#compdef metes"), ("fish", "complete -c metes")] {
        let said = run(&["completions", shell]);
        assert!(said.status == Some(0) && said.out.contains(words) && said.out.contains("symbolize"), "{shell}");
    }
    let place = Place::new();
    let file = place.write("completions", &run(&["completions", "bash"]).out);
    let script = format!(
        "source '{}'; COMP_WORDS=(metes sym) COMP_CWORD=1; _metes metes sym metes; echo \"${{COMPREPLY[@]}}\"",
        file.display()
    );
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "symbolize\n", "{output:?}");
    assert_eq!(run(&["completions", "tcsh"]).status, Some(2));
}

#[test]
fn each_verb_has_a_manual_page() {
    let place = Place::new();
    let said = run(&["pages", place.path("").to_str().unwrap()]);
    assert_eq!(said.status, Some(0), "{said:?}");
    let help = run(&["--help"]).out;
    let verbs =
        help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1).take_while(|line| !line.is_empty());
    let verbs: Vec<_> = verbs
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|verb| !["", "help"].contains(verb))
        .collect();
    assert!(verbs.contains(&"run") && verbs.len() > 4, "{help}");
    let mut wanted: Vec<_> = verbs.iter().map(|verb| format!("metes-{verb}.1")).collect();
    wanted.push("metes.1".to_owned());
    wanted.sort();
    assert_eq!(place.names(), wanted);
    for name in wanted {
        let page = fs::read_to_string(place.path(&name)).unwrap();
        let title = name.trim_end_matches(".1");
        for part in [
            format!(".TH {} 1 \"\" metes ", title.to_uppercase()),
            ".SH NAME".to_owned(),
            ".SH SYNOPSIS".to_owned(),
            ".SH OPTIONS".to_owned(),
        ] {
            assert!(page.contains(&part), "{name}: {part}:\n{page}");
        }
        assert!(
            page.contains(&format!("\\fB{}\\fR", title.replacen('-', " ", 1).replace('-', "\\-"))),
            "{name}:\n{page}"
        );
        if let Ok(output) = Command::new("mandoc").args(["-Tlint", "-Werror"]).arg(place.path(&name)).output() {
            let complaints = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(complaints.is_empty(), "{complaints:?}");
        }
    }
    run(&["pages", "/no/such/place"]).refused(2, "No such file or directory");
}

#[test]
fn bad_words_end_with_status_2() {
    for args in
        [&[][..], &["no-such-verb"], &["run"], &["run", "--no-such-flag", "--", "true"], &["explain", "M001", "M002"]]
    {
        let said = run(args);
        assert!(said.status == Some(2) && said.out.is_empty() && !said.err.is_empty(), "{args:?} {said:?}");
    }
    assert_eq!(run(&["--version"]).out, format!("metes {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_full_disk_is_said() {
    for args in [&["explain"][..], &["options"], &["options", "--json"], &["completions", "zsh"]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let said = Said::from(metes(args).stdout(full).output().unwrap());
        said.refused(2, "metes: standard output: No space left on device\n");
    }
}
