use tenon_syntax::Symbol;

/// Whether one of `names` means `symbol`: by its name, its qualified name or the end of it.
pub(super) fn any_means(names: &[String], symbol: &Symbol) -> bool {
    names.iter().any(|name| means(name, symbol))
}

/// Whether `name` means `symbol` or something that holds it.
pub(super) fn means_or_holds(name: &str, symbol: &Symbol) -> bool {
    let name = plain(name);
    means(&name, symbol)
        || symbol
            .qualified_name
            .strip_prefix(name.as_str())
            .is_some_and(|rest| rest.starts_with('.'))
}

fn means(name: &str, symbol: &Symbol) -> bool {
    let name = plain(name);
    symbol.name == name
        || symbol.qualified_name == name
        || symbol
            .qualified_name
            .strip_suffix(name.as_str())
            .is_some_and(|rest| rest.ends_with('.'))
}

fn plain(name: &str) -> String {
    name.trim().replace("::", ".").replace('#', ".")
}
