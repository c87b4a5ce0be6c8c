//! The functions of a symbol table, by address.

use object::{Object, ObjectSymbol, SymbolKind};

struct Name {
    address: u64,
    size: u64,
    text: String,
}

/// Sorted by address.
#[derive(Default)]
pub struct Names(Vec<Name>);

impl Names {
    /// The symbol table of a file; of one without it, the names that it exports.
    pub fn of(file: &object::File<'_>) -> Self {
        let take = |symbols: &mut dyn Iterator<Item = object::Symbol<'_, '_>>| {
            let mut names: Vec<_> = symbols.filter_map(|symbol| name(&symbol)).collect();
            // Of several names of one function, the one that is told is that of the linker's order: sorting is stable.
            names.sort_by_key(|name| name.address);
            Self(names)
        };
        let all = take(&mut file.symbols());
        if all.0.is_empty() { take(&mut file.dynamic_symbols()) } else { all }
    }

    /// The variables of all tables of a file.
    pub fn of_data(file: &object::File<'_>) -> Self {
        let name = |symbol: &object::Symbol<'_, '_>| {
            let is_data = symbol.kind() == SymbolKind::Data && symbol.is_definition();
            named(symbol).filter(|name| is_data && !name.text.is_empty())
        };
        let mut names: Vec<_> =
            file.symbols().chain(file.dynamic_symbols()).filter_map(|symbol| name(&symbol)).collect();
        names.sort_by_key(|name| name.address);
        Self(names)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The function that an address lies in.
    pub fn find(&self, address: u64) -> Option<&str> {
        self.find_with_start(address).map(|(text, _)| text)
    }

    /// What an address lies in, and where that starts.
    pub fn find_with_start(&self, address: u64) -> Option<(&str, u64)> {
        let end = self.0.partition_point(|name| name.address <= address);
        let nearest = self.0[..end].last()?.address;
        let start = self.0.partition_point(|name| name.address < nearest);
        let found = self.0[start..end].iter().find(|name| {
            // The size of what is written in assembly may be missing.
            name.size == 0 || address - name.address < name.size
        });
        found.map(|name| (name.text.as_str(), name.address))
    }
}

fn name(symbol: &object::Symbol<'_, '_>) -> Option<Name> {
    let is_code = symbol.kind() == SymbolKind::Text && symbol.is_definition();
    named(symbol).filter(|name| is_code && !name.text.is_empty())
}

fn named(symbol: &object::Symbol<'_, '_>) -> Option<Name> {
    Some(Name { address: symbol.address(), size: symbol.size(), text: symbol.name().ok()?.to_owned() })
}
