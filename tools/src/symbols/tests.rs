use super::*;
use std::fs;

/// Known by its own symbol.
#[inline(never)]
#[unsafe(no_mangle)]
#[allow(unsafe_code)]
extern "C" fn a_function_of_the_tests(number: u64) -> u64 {
    std::hint::black_box(number + 1)
}

/// Where this program is loaded.
fn here() -> u64 {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let exe = fs::read_link("/proc/self/exe").unwrap();
    let line = maps.lines().find(|line| line.ends_with(exe.to_str().unwrap())).unwrap();
    u64::from_str_radix(line.split('-').next().unwrap(), 16).unwrap()
}

fn address() -> u64 {
    let function: extern "C" fn(u64) -> u64 = a_function_of_the_tests;
    function as usize as u64 - here()
}

#[test]
fn this_program_s_functions_have_files_and_lines() {
    assert_eq!(a_function_of_the_tests(1), 2);
    let exe = std::env::current_exe().unwrap();
    let mut symbols = Symbols::new(&[]);
    let places = symbols.places(&exe, None, address());
    let place = places.last().unwrap();
    assert_eq!(place.function.as_deref(), Some("a_function_of_the_tests"));
    assert!(place.file.as_deref().unwrap().ends_with("symbols/tests.rs") && place.line.unwrap() < 20, "{place}");
    // Kept, and shared.
    assert!(Arc::ptr_eq(&places, &symbols.places(&exe, None, address())));
    // Not of that build.
    assert!(symbols.places(&exe, Some(b"another"), address()).is_empty());
    // The first byte of the file is the first of the module.
    assert_eq!(symbols.address_of_offset(&exe, None, 0), Some(0));
    assert_eq!(symbols.address_of_offset(&exe, None, u64::MAX), None);
}

#[test]
fn what_is_no_module_has_no_places() {
    let mut symbols = Symbols::new(&[]);
    for path in ["/", "/dev/zero", "/proc/self/cmdline", "/no/such/file", "/etc/passwd", ""] {
        assert!(symbols.places(Path::new(path), None, 0x1000).is_empty(), "{path}");
    }
}

/// Cut and overwritten in many ways, each the same in each run.
#[test]
fn damaged_files_end_nothing() {
    let place = std::env::temp_dir().join(format!("metes-damaged-{}", std::process::id()));
    fs::create_dir(&place).unwrap();
    let source = place.join("program.c");
    fs::write(
        &source,
        "static inline int inner(int a) { return a * 3; }\nint main(int n, char **a) { return a && inner(n) > 5; }\n",
    )
    .unwrap();
    let whole = place.join("whole");
    let made = std::process::Command::new("cc").args(["-g", "-O1", "-o"]).args([&whole, &source]).status().unwrap();
    assert!(made.success());
    let bytes = fs::read(&whole).unwrap();
    let names = |symbols: &mut Symbols, path: &Path| {
        let all = (0x1000..0x1200).flat_map(|address| symbols.places(path, None, address).to_vec());
        all.filter_map(|place| place.function).collect::<std::collections::BTreeSet<_>>()
    };
    assert!(names(&mut Symbols::new(&[]), &whole).contains("main"));
    let mut number = 1u64;
    let mut next = || {
        number = number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        usize::try_from(number >> 33).unwrap()
    };
    let mut less = 0;
    for round in 0..200 {
        let mut damaged = bytes.clone();
        if round % 2 == 0 {
            damaged.truncate(next() % bytes.len());
        } else {
            for _ in 0..200 {
                let at = next() % damaged.len();
                damaged[at] = next().to_le_bytes()[0];
            }
        }
        let path = place.join(format!("damaged {round}"));
        fs::write(&path, damaged).unwrap();
        less += usize::from(!names(&mut Symbols::new(&[]), &path).contains("main"));
    }
    assert!(less > 50, "the damage did not matter: {less}");
    fs::remove_dir_all(&place).unwrap();
}
