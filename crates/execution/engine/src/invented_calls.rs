//! Inputs for a function that nobody gave an example of: nothing says what is right, but candidates can be compared.

use tenon_syntax::{Language, SourceFile, SymbolKind};

/// Calls of the Python function `name`, by what its parameters are said to take; empty when nobody can tell.
pub(crate) fn invented_calls(code: &str, name: &str) -> Vec<String> {
    let Ok(file) = SourceFile::parse(Language::Python, code) else {
        return Vec::new();
    };
    let function = file.symbols().iter().find(|symbol| {
        // A method needs an object that somebody made.
        symbol.qualified_name == name && symbol.kind == SymbolKind::Function
    });
    let Some(parameters) = function.and_then(|function| parameters(&function.signature)) else {
        return Vec::new();
    };
    let mut calls: Vec<String> = Vec::new();
    for family in FAMILIES {
        let values: Option<Vec<Vec<String>>> = parameters
            .iter()
            .enumerate()
            .map(|(position, annotation)| match annotation {
                Some(annotation) => values(annotation),
                None => values(family.get(position.min(1)).copied().unwrap_or_default()),
            })
            .collect();
        let Some(values) = values else { return Vec::new() };
        let most = values.iter().map(Vec::len).max().unwrap_or(1);
        for number in 0..most.min(MOST_OF_A_FAMILY) {
            // Each parameter is at another place of its list, so that not all are zero at once.
            let arguments = values.iter().enumerate().filter_map(|(position, values)| {
                let index = (number + position).checked_rem(values.len())?;
                values.get(index).map(String::as_str)
            });
            let call = format!("{name}({})", arguments.collect::<Vec<_>>().join(", "));
            if !calls.contains(&call) {
                calls.push(call);
            }
        }
    }
    calls
}

/// What parameters without annotations are tried with: the first, and all others.
const FAMILIES: [[&str; 2]; 5] = [
    ["int", "int"],
    ["str", "str"],
    ["list", "int"],
    ["list", "list"],
    ["str", "int"],
];
const MOST_OF_A_FAMILY: usize = 6;

/// The annotations of the parameters that a caller must give; `None` when some of them can only be given by name.
fn parameters(signature: &str) -> Option<Vec<Option<String>>> {
    let inside = signature.split_once('(')?.1;
    let mut found = Vec::new();
    for part in split_at_commas(inside) {
        let part = part.trim();
        match part {
            "" | "/" => continue,
            "*" => return None,
            _ if part.starts_with('*') => break,
            // What has a default need not be given.
            _ if part.contains('=') => break,
            _ => {}
        }
        let annotation = part
            .split_once(':')
            .map(|(_, annotation)| annotation.trim().to_owned());
        found.push(annotation);
    }
    Some(found)
}

/// The parts up to the closing bracket, divided at commas outside of brackets.
fn split_at_commas(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    let mut start = 0;
    let mut parts = Vec::new();
    for (index, character) in text.char_indices() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth > 0 => depth -= 1,
            ')' => {
                parts.push(text.get(start..index).unwrap_or_default());
                return parts;
            }
            ',' if depth == 0 => {
                parts.push(text.get(start..index).unwrap_or_default());
                start = index + 1;
            }
            _ => {}
        }
    }
    parts
}

/// Some values of an annotated type; `None` for types that only the program knows.
fn values(annotation: &str) -> Option<Vec<String>> {
    let annotation = annotation.trim().trim_matches(['"', '\'']).replace("typing.", "");
    let (head, inner) = match annotation.split_once('[') {
        Some((head, inner)) => (head.trim(), inner.trim_end().strip_suffix(']')),
        None => (annotation.trim(), None),
    };
    let own = |values: &[&str]| Some(values.iter().map(|value| (*value).to_owned()).collect());
    match head.to_ascii_lowercase().as_str() {
        "int" | "any" => own(&["7", "0", "1", "-3", "12", "100"]),
        "float" => own(&["1.5", "0.0", "-2.25", "10.0"]),
        "bool" => own(&["True", "False"]),
        "str" => own(&["'Hello World'", "''", "'a'", "'abcba'", "'aA bB 12'", "'x, y'"]),
        "list" | "sequence" | "iterable" | "collection" => {
            let values = values(inner.unwrap_or("int"))?;
            let pick = |places: &[usize]| {
                let picked = places.iter().filter_map(|place| values.get(place % values.len()));
                format!("[{}]", picked.map(String::as_str).collect::<Vec<_>>().join(", "))
            };
            Some(
                [&[0, 1, 2][..], &[], &[3], &[2, 0, 0, 3], &[4, 3, 2, 1, 0]]
                    .map(pick)
                    .to_vec(),
            )
        }
        "set" => own(&["{1, 2, 3}", "set()", "{5}"]),
        "tuple" => match inner {
            None => own(&["(1, 2)", "(3, 0)", "(-1, 5)"]),
            Some(inner) => {
                let parts: Option<Vec<Vec<String>>> = inner
                    .split(',')
                    .filter(|part| part.trim() != "...")
                    .map(values)
                    .collect();
                let parts = parts?;
                let most = parts.iter().map(Vec::len).max()?;
                let tuple = |number: usize| {
                    let items = parts.iter().enumerate().filter_map(|(position, values)| {
                        values.get((number + position).checked_rem(values.len())?)
                    });
                    let items: Vec<&str> = items.map(String::as_str).collect();
                    format!("({},)", items.join(", "))
                };
                Some((0..most.min(3)).map(tuple).collect())
            }
        },
        "dict" | "mapping" => match inner {
            None => own(&["{'a': 1, 'b': 2}", "{}", "{'x': 0}"]),
            Some(inner) => {
                let (key, value) = inner.split_once(',')?;
                let (keys, items) = (values(key)?, values(value)?);
                let pairs: Vec<String> = keys
                    .iter()
                    .zip(items.iter().cycle())
                    .take(3)
                    .map(|(key, item)| format!("{key}: {item}"))
                    .collect();
                Some(vec![format!("{{{}}}", pairs.join(", ")), "{}".to_owned()])
            }
        },
        "optional" => {
            let mut values = values(inner?)?;
            values.push("None".to_owned());
            Some(values)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(signature: &str) -> Vec<String> {
        invented_calls(&format!("def f({signature}):\n    return 1\n"), "f")
    }

    #[test]
    fn annotations_say_what_is_given() {
        let given = calls("text: str, n: int = 3");
        assert!(given.contains(&"f('Hello World')".to_owned()), "{given:?}");
        assert!(given.iter().all(|call| call.starts_with("f('")), "{given:?}");
        let given = calls("xs: List[float], n: int, *rest");
        assert!(given.contains(&"f([1.5, 0.0, -2.25], 0)".to_owned()), "{given:?}");
        let given = calls("d: dict[str, int], t: Tuple[int, str]");
        assert!(given[0].starts_with("f({'Hello World': 7, "), "{given:?}");
    }

    #[test]
    fn without_annotations_several_families_are_tried() {
        let given = calls("a, b");
        for call in ["f(7, 0)", "f('Hello World', '')", "f([7, 0, 1], 0)"] {
            assert!(given.contains(&call.to_owned()), "{call}: {given:?}");
        }
    }

    #[test]
    fn what_only_the_program_knows_is_not_invented() {
        for signature in ["cart: Cart", "*, name", "xs: list[Cart]"] {
            assert!(calls(signature).is_empty(), "{signature}");
        }
        let method = "class A:\n    def f(self, x):\n        return x\n";
        assert!(invented_calls(method, "f").is_empty());
    }
}
