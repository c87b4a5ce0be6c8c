//! `metes map`: the files that it writes, and what is in them.

mod seen;

use seen::{Place, Seen, built, fails, metes};
use std::fs;
use std::process::Command;

fn known(place: &Place) -> Seen {
    let library = built("libmetes.so");
    let folder = library.parent().unwrap().to_str().unwrap();
    let program = place.program("known.c", &["-L", folder, "-lmetes", &format!("-Wl,-rpath,{folder}")]);
    let mut seen = Seen::start(&mut Command::new(program));
    ["small", "named", "tagged", "large"].iter().for_each(|line| assert_eq!(seen.ask(line), format!("{line}\n")));
    seen
}

fn text(args: &[&str]) -> String {
    let output = metes(args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_picture_has_the_heaps_and_mappings_by_name() {
    let place = Place::new();
    let program = known(&place);
    let svg = text(&["map", &program.pid()]);
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && svg.contains("prefers-color-scheme:dark"));
    for wanted in [
        "known (",
        " resident",
        "arena 0: ",
        "heap \"orders\": ",
        "heap \"parsing\": ",
        "3 mappings: 6.00 MiB",
        "a cell is 4.00 KiB",
        "untouched",
        "records of metes",
        ">3.00 MiB",
    ] {
        assert!(svg.contains(wanted), "{wanted} is missing in\n{svg}");
    }
    assert!(svg.contains("203 KiB in use"), "{svg}");
}

#[test]
fn a_part_is_drawn_down_to_its_objects() {
    let place = Place::new();
    let program = known(&place);
    let region = |index: usize| text(&["map", "--region", &index.to_string(), &program.pid()]);
    let svg = (0..20).map(region).find(|svg| svg.contains("slab of 112 bytes: ")).unwrap();
    assert!(svg.contains("a row is "), "{svg}");
    let name = svg.split("<title>").find(|part| part.contains(": slab of 112 bytes")).unwrap();
    let address = u64::from_str_radix(name.split(':').next().unwrap(), 16).unwrap();
    let range = format!("{:x}-{:x}", address, address + 1008);
    let near = text(&["map", "--range", &range, &program.pid()]);
    // Nine objects have room, and the program has each of them.
    assert_eq!(near.matches("112 bytes in a slab").count(), 9, "{near}");
    assert!(near.contains(&format!("<title>{address:x}: 112 bytes in a slab")), "{near}");
    fails(&metes(&["map", "--region", "99999", &program.pid()]), "there is none");
    assert_eq!(metes(&["map", "--range", "7-1", &program.pid()]).status.code(), Some(2));
}

#[test]
fn files_are_written_whole_and_not_over_others() {
    let place = Place::new();
    let program = known(&place);
    let (svg, png) = (place.path("heap.svg"), place.path("heap.png"));
    let draw = |file: &str, more: &[&str]| metes(&[&["map", &program.pid(), "-o", file], more].concat());
    let (svg, png) = (svg.to_str().unwrap(), png.to_str().unwrap());
    assert!(draw(svg, &[]).status.success() && draw(png, &["--dark"]).status.success());
    assert!(fs::read(png).unwrap().starts_with(b"\x89PNG\r\n"));
    fs::write(svg, "mine").unwrap();
    fails(&draw(svg, &[]), "there already");
    assert_eq!(fs::read_to_string(svg).unwrap(), "mine");
    assert!(draw(svg, &["--force"]).status.success());
    assert!(fs::read_to_string(svg).unwrap().ends_with("</svg>\n"));
    fails(&draw(place.path("heap.jpg").to_str().unwrap(), &[]), "ends in .svg or .png");
    fails(&draw("/nowhere/heap.svg", &[]), "No such file");
    let mut names: Vec<_> = fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["heap.png", "heap.svg", "known"]);
}

#[test]
fn moments_and_two_heaps_are_beside_each_other() {
    let place = Place::new();
    let mut program = known(&place);
    let film = text(&["map", "--film", "4", "--every", "0", &program.pid()]);
    assert_eq!(film.matches("arena 0: ").count(), 4);
    let file = place.path("before");
    let file = file.to_str().unwrap();
    assert!(metes(&["snapshot", &program.pid(), file]).status.success());
    program.ask("small");
    let both = text(&["map", file, "--beside", &program.pid()]);
    assert_eq!((both.matches("arena 0: ").count(), both.matches("a cell is ").count()), (2, 2));
    fails(&metes(&["map", "--film", "2", file]), "needs the number of a process");
}
