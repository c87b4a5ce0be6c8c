//! Names of functions as they are in the source.

/// A longer name is cut: templates can have names of many kilobytes.
const LONGEST: usize = 2000;

/// The name in the source of what is called this in the file: of C++ and Rust demangled, else the same.
pub fn demangle(name: &str) -> String {
    let mut text = rust(name).or_else(|| cpp(name)).unwrap_or_else(|| name.to_owned());
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

fn rust(name: &str) -> Option<String> {
    // Without the hash at the end.
    rustc_demangle::try_demangle(name).ok().map(|name| format!("{name:#}"))
}

fn cpp(name: &str) -> Option<String> {
    if !name.starts_with("_Z") && !name.starts_with("__Z") {
        return None;
    }
    cpp_demangle::Symbol::new(name).ok()?.demangle(&cpp_demangle::DemangleOptions::default()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_each_language() {
        assert_eq!(demangle("main"), "main");
        assert_eq!(demangle("_ZN3foo3barEi"), "foo::bar(int)");
        assert_eq!(demangle("_ZN4core3fmt5Write9write_str17h0123456789abcdefE"), "core::fmt::Write::write_str");
        assert_eq!(demangle("_RNvCs4fqI2P2rA04_7mycrate3foo"), "mycrate::foo");
        assert_eq!(demangle("_ZThis is none"), "_ZThis is none");
    }

    #[test]
    fn a_name_is_not_longer_than_a_page() {
        assert_eq!(demangle(&"é".repeat(LONGEST)).chars().count(), LONGEST / 2 + 1);
    }
}
