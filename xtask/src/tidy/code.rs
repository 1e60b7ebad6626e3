//! Rust text with everything blanked that is not code, so that words in comments, strings and tests count for nothing.

/// `text` with comments, strings and character literals replaced by spaces; lines stay where they are.
pub(crate) fn without_words(text: &str) -> String {
    let mut rest = text;
    let mut code = String::with_capacity(text.len());
    while let Some(character) = rest.chars().next() {
        let after_name = code.ends_with(is_name);
        let blanked = match character {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => string(rest),
            '\'' => character_literal(rest),
            'r' | 'b' | 'c' if !after_name => prefixed_string(rest),
            _ => 0,
        };
        let taken = if blanked == 0 {
            character.len_utf8()
        } else {
            blanked
        };
        let (head, tail) = rest.split_at_checked(taken).unwrap_or((rest, ""));
        if blanked == 0 {
            code.push(character);
        } else {
            code.extend(
                head.chars()
                    .map(|character| if character == '\n' { '\n' } else { ' ' }),
            );
        }
        rest = tail;
    }
    code
}

/// Code (see [`without_words`]) with the items under `#[cfg(test)]` blanked.
pub(crate) fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some((before, item)) = rest.split_once(MARK) {
        let (tests, after) = item.split_at_checked(item_end(item)).unwrap_or((item, ""));
        kept.push_str(before);
        kept.extend(tests.chars().filter(|character| *character == '\n'));
        rest = after;
    }
    kept + rest
}

pub(crate) fn is_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Where the item ends: behind the brace that closes its first one, or behind a semicolon before any brace.
fn item_end(text: &str) -> usize {
    let mut depth = 0_usize;
    for (index, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth <= 1 => return index + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return index + 1,
            _ => {}
        }
    }
    text.len()
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut position = 0;
    while let Some(rest) = text.get(position..) {
        if rest.starts_with("/*") {
            depth += 1;
            position += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            position += 2;
            if depth == 0 {
                return position;
            }
        } else if let Some(character) = rest.chars().next() {
            position += character.len_utf8();
        } else {
            break;
        }
    }
    text.len()
}

/// The length of the string that begins with the quotation mark at the start of `text`.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (index, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a string such as `r#"…"#`, `b"…"` or `br"…"`; 0 where there is none.
fn prefixed_string(text: &str) -> usize {
    let body = text.trim_start_matches(['b', 'c']);
    let raw = body.strip_prefix('r');
    let prefix = text.len() - body.len();
    match raw {
        _ if prefix > 1 => 0,
        Some(raw) => {
            let hashes = raw.len() - raw.trim_start_matches('#').len();
            if !raw.get(hashes..).unwrap_or_default().starts_with('"') {
                return 0;
            }
            let close = format!("\"{}", "#".repeat(hashes));
            let opened = prefix + 1 + hashes + 1;
            let end = text.get(opened..).and_then(|rest| rest.find(&close));
            end.map_or(text.len(), |end| opened + end + close.len())
        }
        None if prefix == 1 && body.starts_with('"') => prefix + string(body),
        None => 0,
    }
}

/// The length of a character literal; 0 for a lifetime.
fn character_literal(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), Some((index, _))) => {
            let rest = text.get(index + 1..).unwrap_or_default();
            rest.find('\'').map_or(0, |end| index + 1 + end + 1)
        }
        (Some(_), Some((index, '\''))) => index + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_blanked_and_lines_stay() {
        let text = "a // unsafe\n/* unsafe /* b */\n unsafe */ c \"unsafe \\\" d\" 'u' '\\'' r#\"un\"safe\"# br\"x\" e<'a>";
        let code = without_words(text);
        assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "c", "e<'a>"]);
        assert_eq!(code.matches('\n').count(), 2);
    }

    #[test]
    fn names_that_look_like_strings_are_code() {
        let text = "let r = for_b(r#type, 'static, b'\\n'); abr \"x\"";
        assert_eq!(
            without_words(text).split_whitespace().collect::<String>(),
            "letr=for_b(r#type,'static,b);abr"
        );
    }

    #[test]
    fn unfinished_text_ends_at_the_end() {
        for text in ["\"abc", "/* abc", "r##\"abc\"#", "'", "'\\", "b"] {
            assert_eq!(without_words(text).len(), text.len(), "{text}");
        }
    }

    #[test]
    fn tests_are_blanked_and_what_follows_is_kept() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() { c() }\n}\nfn d() {}\n#[cfg(test)]\nuse x::y;\nfn e() {}";
        let kept = without_tests(code);
        assert_eq!(
            kept.split_whitespace().collect::<String>(),
            "fna(){}fnd(){}fne(){}"
        );
        assert_eq!(kept.matches('\n').count(), code.matches('\n').count());
    }
}
