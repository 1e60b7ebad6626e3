use std::fmt::Write as _;

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};
use regex_syntax::parse;
use tenon_runtime::ModelError;

use super::refused;

/// llama.cpp refuses rules that repeat more often.
const MAX_REPEATS: u32 = 1_000;
const MAX_GRAMMAR_BYTES: usize = 64 * 1024;

/// A grammar in llama.cpp's GBNF that admits exactly these texts.
pub(super) fn of_choice(options: &[String]) -> String {
    let options: Vec<_> = options.iter().map(|option| literal(option)).collect();
    format!("root ::= {}", options.join(" | "))
}

/// A grammar that admits what the expression matches from end to end.
pub(super) fn of_regex(pattern: &str) -> Result<String, ModelError> {
    let expression = parse(pattern).map_err(|error| ModelError::Refused {
        reason: format!("`{pattern}` is not a regular expression: {error}"),
    })?;
    let mut grammar = "root ::= ".to_owned();
    write_whole(&expression, &mut grammar)?;
    Ok(grammar)
}

/// The anchors at both ends say what holds anyway.
fn write_whole(expression: &Hir, grammar: &mut String) -> Result<(), ModelError> {
    let HirKind::Concat(parts) = expression.kind() else {
        return if is_anchor(expression) {
            write(&Hir::empty(), grammar)
        } else {
            write(expression, grammar)
        };
    };
    let begin = usize::from(
        parts
            .first()
            .is_some_and(|part| *part.kind() == HirKind::Look(Look::Start)),
    );
    let end = parts.len()
        - usize::from(
            parts
                .last()
                .is_some_and(|part| *part.kind() == HirKind::Look(Look::End)),
        );
    let parts = parts.get(begin..end).unwrap_or_default();
    write(&Hir::concat(parts.to_vec()), grammar)
}

fn is_anchor(expression: &Hir) -> bool {
    matches!(expression.kind(), HirKind::Look(Look::Start | Look::End))
}

fn write(expression: &Hir, grammar: &mut String) -> Result<(), ModelError> {
    match expression.kind() {
        HirKind::Empty => grammar.push_str("\"\""),
        HirKind::Literal(bytes) => match std::str::from_utf8(&bytes.0) {
            Ok(text) => grammar.push_str(&literal(text)),
            Err(_) => return Err(refused("the upstream constrains characters, not bytes")),
        },
        HirKind::Class(class) => write_class(class, grammar)?,
        HirKind::Look(_) => {
            return Err(refused(
                "the upstream knows no anchors or word boundaries inside an expression",
            ));
        }
        HirKind::Repetition(repetition) => write_repetition(repetition, grammar)?,
        HirKind::Capture(capture) => write_group(std::slice::from_ref(&*capture.sub), " ", grammar)?,
        HirKind::Concat(parts) => write_group(parts, " ", grammar)?,
        HirKind::Alternation(parts) => write_group(parts, " | ", grammar)?,
    }
    if grammar.len() > MAX_GRAMMAR_BYTES {
        return Err(refused("the expression is too large for the upstream"));
    }
    Ok(())
}

fn write_group(parts: &[Hir], between: &str, grammar: &mut String) -> Result<(), ModelError> {
    grammar.push('(');
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            grammar.push_str(between);
        }
        write(part, grammar)?;
    }
    grammar.push(')');
    Ok(())
}

fn write_repetition(repetition: &Repetition, grammar: &mut String) -> Result<(), ModelError> {
    if repetition.min > MAX_REPEATS || repetition.max.is_some_and(|max| max > MAX_REPEATS) {
        return Err(refused(
            "the expression repeats more often than the upstream can count",
        ));
    }
    write_group(std::slice::from_ref(&*repetition.sub), " ", grammar)?;
    let times = match (repetition.min, repetition.max) {
        (0, None) => "*".to_owned(),
        (1, None) => "+".to_owned(),
        (0, Some(1)) => "?".to_owned(),
        (min, None) => format!("{{{min},}}"),
        (min, Some(max)) => format!("{{{min},{max}}}"),
    };
    grammar.push_str(&times);
    Ok(())
}

fn write_class(class: &Class, grammar: &mut String) -> Result<(), ModelError> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => class
            .iter()
            .map(|range| (range.start().into(), range.end().into()))
            .collect(),
        Class::Bytes(class) if class.is_ascii() => class
            .iter()
            .map(|range| (range.start().into(), range.end().into()))
            .collect(),
        Class::Bytes(_) => return Err(refused("the upstream constrains characters, not bytes")),
    };
    if ranges.is_empty() {
        return Err(refused("the expression has a part that nothing can match"));
    }
    grammar.push('[');
    for (start, end) in ranges {
        // Writing to a `String` cannot fail.
        let _ = write!(grammar, "\\U{start:08X}-\\U{end:08X}");
    }
    grammar.push(']');
    Ok(())
}

fn literal(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(control));
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_become_grammars() {
        assert_eq!(of_regex("ab").unwrap(), r#"root ::= "ab""#);
        assert_eq!(of_regex("^ab?$").unwrap(), r#"root ::= ("a" ("b")?)"#);
        assert_eq!(
            of_regex(r"[a-c]{2,3}\n").unwrap(),
            r#"root ::= (([\U00000061-\U00000063]){2,3} "\n")"#
        );
        assert_eq!(of_regex("yes|noway").unwrap(), r#"root ::= ("yes" | "noway")"#);
        assert_eq!(
            of_choice(&["a\"b".to_owned(), "c\\".to_owned()]),
            r#"root ::= "a\"b" | "c\\""#
        );
    }

    #[test]
    fn what_a_grammar_cannot_say_is_refused() {
        for pattern in ["a\\bb", "a{2000}", "(", "(?-u)\\xFF", "a$b"] {
            assert!(of_regex(pattern).is_err(), "{pattern}");
        }
    }
}
