//! `Input: …` / `Output: …` blocks and `For n = 3 the output should be 9`, where the parameters are known.

use std::ops::Range;

use super::literal::{Dialect, Shape, leading_literal};
use super::{ExampleKind, Reader, equation};

pub(super) fn read(reader: &Reader<'_>, found: &mut Vec<(usize, ExampleKind)>, taken: &[Range<usize>]) {
    let [entry] = reader.entry_points else {
        return;
    };
    let Some(parameters) = parameters(reader, entry) else {
        return;
    };
    let mut input: Option<(usize, String)> = None;
    let mut at = 0;
    for line in reader.text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        if taken.iter().any(|range| range.contains(&start)) {
            continue;
        }
        let plain = line.trim().trim_start_matches(['*', '-', '#', '/', ' ']);
        if let Some(rest) = strip_label(plain, "input") {
            input = Some((start, rest.to_owned()));
        } else if let Some(rest) = strip_label(plain, "output") {
            if let Some((start, arguments)) = input.take() {
                found.extend(example(reader, entry, &parameters, &arguments, rest).map(|kind| (start, kind)));
            }
        } else if let Some((arguments, result)) = sentence(plain) {
            found.extend(example(reader, entry, &parameters, arguments, result).map(|kind| (start, kind)));
        } else if let Some((_, arguments)) = &mut input {
            // One parameter per line, between the two labels.
            if plain.is_empty() || arguments.len() > 2000 {
                continue;
            }
            if !arguments.is_empty() && !arguments.ends_with(',') {
                arguments.push_str(", ");
            }
            arguments.push_str(plain);
        }
    }
}

fn strip_label<'line>(line: &'line str, label: &str) -> Option<&'line str> {
    let head = line.get(..label.len())?;
    let rest = line.get(label.len()..)?;
    let rest = rest.trim_start().strip_prefix(':')?;
    head.eq_ignore_ascii_case(label).then(|| rest.trim())
}

/// `For lst = [1, 2] the output should be 3`.
fn sentence(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix("For ").or_else(|| line.strip_prefix("for "))?;
    for words in [
        "the output should be",
        "the result should be",
        "the function should return",
        "it should return",
    ] {
        if let Some((arguments, result)) = rest.split_once(words) {
            return Some((arguments.trim(), result.trim()));
        }
    }
    None
}

fn example(
    reader: &Reader<'_>,
    entry: &str,
    parameters: &[String],
    arguments: &str,
    result: &str,
) -> Option<ExampleKind> {
    let expected = leading_literal(result, reader.dialect)?;
    let tail = result.get(expected.text.len()..)?.trim();
    let harmless = tail.is_empty() || tail.starts_with(['.', '#', '(']) || tail.starts_with("//");
    if expected.shape == Shape::Parenthesised || !harmless {
        return None;
    }
    let values = values(reader.dialect, arguments, parameters)?;
    let call = format!("{entry}({})", values.join(", "));
    reader
        .stands_alone(&call, &[])
        .then(|| equation::kind(reader, &call, expected.text))
}

/// The arguments in order. Values without names must be as many as the parameters; one list for one
/// parameter is that list, not its elements.
fn values(dialect: Dialect, text: &str, parameters: &[String]) -> Option<Vec<String>> {
    let mut rest = text.trim();
    let mut named: Vec<(Option<&str>, &str)> = Vec::new();
    while !rest.is_empty() {
        let name_length = rest
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            .count();
        let after = rest.get(name_length..)?.trim_start();
        let assigned = after.starts_with(['=', ':']) && !after.starts_with("==");
        let name = if name_length > 0 && assigned {
            let name = rest.get(..name_length);
            rest = after.get(1..)?.trim_start();
            name
        } else {
            None
        };
        let value = leading_literal(rest, dialect)?;
        named.push((name, value.text));
        rest = rest.get(value.text.len()..)?.trim_start();
        match rest.strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            // `For n = 150, the sum will be 6 the output should be …`: the rest of the sentence was cut off before.
            None if rest.is_empty() => {}
            None => return None,
        }
        if rest.starts_with("the ") {
            break;
        }
    }
    if named.len() != parameters.len() {
        return None;
    }
    let all_named = named.iter().all(|(name, _)| name.is_some());
    if all_named && named.len() > 1 {
        let matched: Option<Vec<String>> = parameters
            .iter()
            .map(|parameter| {
                named
                    .iter()
                    .find(|(name, _)| *name == Some(parameter.as_str()))
                    .map(|(_, value)| (*value).to_owned())
            })
            .collect();
        return matched.or_else(|| positional(&named, parameters));
    }
    Some(named.into_iter().map(|(_, value)| value.to_owned()).collect())
}

/// Names that only resemble the parameters, in the order of the parameters.
fn positional(named: &[(Option<&str>, &str)], parameters: &[String]) -> Option<Vec<String>> {
    let alike = |name: &str, parameter: &str| name.contains(parameter) || parameter.contains(name);
    let pairs = || named.iter().zip(parameters);
    let in_order = pairs().all(|((name, _), parameter)| name.is_some_and(|name| alike(name, parameter)));
    in_order.then(|| pairs().map(|((_, value), _)| (*value).to_owned()).collect())
}

/// The parameters in the signature that the text shows; `None` without one, or when it is variadic.
fn parameters(reader: &Reader<'_>, entry: &str) -> Option<Vec<String>> {
    let definitions = [
        format!("def {entry}("),
        format!("function {entry}("),
        format!("{entry}("),
    ];
    let open = definitions.iter().find_map(|mark| {
        let at = reader.text.find(mark.as_str())?;
        Some(at + mark.len() - 1)
    })?;
    let close = super::literal::closing_bracket(reader.text, open)?;
    let inside = reader.text.get(open + 1..close - 1)?;
    let mut names = Vec::new();
    let mut depth = 0_i32;
    let mut current = String::new();
    for letter in inside.chars().chain([',']) {
        match letter {
            '[' | '(' | '{' | '<' => depth += 1,
            ']' | ')' | '}' | '>' => depth -= 1,
            ',' if depth == 0 => {
                let parameter = std::mem::take(&mut current);
                let name = parameter.split([':', '=']).next().unwrap_or("").trim().to_owned();
                if name.is_empty() || name == "self" {
                    continue;
                }
                let is_name = name
                    .chars()
                    .all(|letter| letter.is_alphanumeric() || letter == '_');
                // Literals in the brackets: this was a call, not a signature.
                if !is_name || name.starts_with(|letter: char| letter.is_ascii_digit()) {
                    return None;
                }
                names.push(name);
                continue;
            }
            _ => {}
        }
        current.push(letter);
    }
    (!names.is_empty()).then_some(names)
}
