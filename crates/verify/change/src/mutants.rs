//! Small, plausible variations of existing code, without a model.
//!
//! Used twice: a test is only worth keeping if it notices one of them, and a one-line bug is often undone by one of
//! them. Every mutant differs from the original in one place of a symbol and parses no worse.

use std::collections::HashSet;
use std::ops::Range;

use tenon_syntax::{Descend, SourceFile, tree_sitter::Node, walk};

/// One variation of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant {
    /// The bytes of the original that it replaces.
    pub span: Range<usize>,
    /// What stands there instead.
    pub replacement: String,
    /// In words: "`<` → `<=` in line 12".
    pub description: String,
    /// 1-based line in the original.
    pub line: u32,
    /// How likely a slip of the pen it undoes: 0 the likeliest.
    rank: u8,
}

impl Mutant {
    /// Whether it undoes what people often write by mistake; the others more often suit a test by accident.
    pub fn is_likely(&self) -> bool {
        self.rank <= 2
    }

    /// The whole file with the variation in place.
    pub fn apply(&self, original: &str) -> String {
        let mut text = String::with_capacity(original.len() + self.replacement.len());
        text.push_str(original.get(..self.span.start).unwrap_or_default());
        text.push_str(&self.replacement);
        text.push_str(original.get(self.span.end..).unwrap_or_default());
        text
    }
}

/// Up to `limit` mutants of the code in `span`, likeliest mistakes first, spread over the lines of the code.
pub fn mutants(file: &SourceFile, span: Range<usize>, limit: usize) -> Vec<Mutant> {
    let text = file.text();
    let leaves = leaves_in(file.tree().root_node(), &span);
    let names = local_names(&leaves, text);
    let mut ranked = Vec::new();
    for (index, leaf) in leaves.iter().enumerate() {
        let Some(token) = text.get(leaf.byte_range()) else {
            continue;
        };
        for (rank, replacement) in replacements(leaf, token, &names, leaves.get(index + 1).copied(), file) {
            let line = u32::try_from(leaf.start_position().row)
                .unwrap_or(u32::MAX)
                .saturating_add(1);
            let shown = if replacement.is_empty() {
                "nothing"
            } else {
                replacement.trim()
            };
            ranked.push((
                rank,
                Mutant {
                    span: leaf.byte_range(),
                    description: format!("`{token}` → `{shown}` in line {line}"),
                    replacement,
                    line,
                    rank,
                },
            ));
        }
    }
    ranked.sort_by_key(|(rank, mutant)| (*rank, mutant.span.start));
    let errors = file.error_count();
    let mut seen = HashSet::new();
    ranked
        .into_iter()
        .map(|(_, mutant)| mutant)
        .filter(|mutant| seen.insert((mutant.span.clone(), mutant.replacement.clone())))
        .filter(|mutant| {
            SourceFile::parse(file.language(), mutant.apply(text))
                .is_ok_and(|mutated| mutated.error_count() <= errors)
        })
        .take(limit)
        .collect()
}

fn leaves_in<'tree>(root: Node<'tree>, span: &Range<usize>) -> Vec<Node<'tree>> {
    let mut leaves = Vec::new();
    walk(root, |node| {
        let apart = node.end_byte() <= span.start || node.start_byte() >= span.end;
        if apart || is_prose(node.kind()) {
            return Descend::Over;
        }
        let inside = node.start_byte() >= span.start && node.end_byte() <= span.end;
        if node.child_count() == 0 && inside && node.end_byte() > node.start_byte() {
            leaves.push(node);
        }
        Descend::Into
    });
    leaves
}

/// Comments, strings, imports and type annotations hold no behaviour worth varying.
fn is_prose(kind: &str) -> bool {
    kind.contains("comment")
        || kind.contains("string")
        || kind.contains("import")
        || matches!(
            kind,
            "type"
                | "type_annotation"
                | "type_arguments"
                | "type_parameters"
                | "use_declaration"
                | "attribute_item"
        )
}

/// Names of variables used in the code: what a slip of the pen confuses.
fn local_names(leaves: &[Node<'_>], text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for leaf in leaves
        .iter()
        .filter(|leaf| is_variable(leaf) || is_parameter(leaf))
    {
        if let Some(name) = text.get(leaf.byte_range())
            && !names.iter().any(|known| known == name)
        {
            names.push(name.to_owned());
        }
    }
    names
}

fn is_parameter(leaf: &Node<'_>) -> bool {
    leaf.kind() == "identifier"
        && leaf
            .parent()
            .is_some_and(|parent| parent.kind().contains("parameter"))
}

fn is_variable(leaf: &Node<'_>) -> bool {
    if leaf.kind() != "identifier" {
        return false;
    }
    let Some(parent) = leaf.parent() else { return false };
    let is_field = |field: &str| {
        parent
            .child_by_field_name(field)
            .is_some_and(|child| child.id() == leaf.id())
    };
    let definition = parent.kind().contains("function")
        || parent.kind().contains("class")
        || parent.kind().contains("parameter");
    let called = is_field("function") || is_field("macro");
    let member = is_field("attribute") || (is_field("name") && parent.kind() != "variable_declarator");
    let assigned = is_field("pattern") || (is_field("left") && !parent.kind().contains("binary"));
    !(definition || called || member || assigned)
}

fn replacements(
    leaf: &Node<'_>,
    token: &str,
    names: &[String],
    next: Option<Node<'_>>,
    file: &SourceFile,
) -> Vec<(u8, String)> {
    let text = file.text();
    let is_ecmascript = file.language().is_ecmascript();
    let operators: &[(u8, &str)] = match token {
        "<" if leaf.parent().is_some_and(|parent| parent.kind().contains("type")) => &[],
        ">" if leaf.parent().is_some_and(|parent| parent.kind().contains("type")) => &[],
        "<" => &[(0, "<="), (1, ">"), (3, ">=")],
        "<=" => &[(0, "<"), (1, ">="), (3, ">")],
        ">" => &[(0, ">="), (1, "<"), (3, "<=")],
        ">=" => &[(0, ">"), (1, "<="), (3, "<")],
        // People rarely write the opposite of what they mean: such a variation more often suits one test by accident.
        "==" => &[(3, "!=")],
        "!=" => &[(3, "==")],
        "===" => &[(3, "!==")],
        "!==" => &[(3, "===")],
        "+" => &[(1, "-"), (4, "*")],
        "-" => &[(1, "+")],
        "*" => &[(2, "/"), (3, "+")],
        "/" => &[(2, "*"), (2, "//")],
        "//" => &[(2, "/"), (2, "%")],
        "%" => &[(2, "/"), (3, "*")],
        "+=" => &[(1, "-="), (2, "=")],
        "-=" => &[(1, "+=")],
        "*=" => &[(2, "+=")],
        "and" => &[(1, "or")],
        "or" => &[(1, "and")],
        "&&" => &[(1, "||")],
        "||" if is_ecmascript => &[(0, "??"), (1, "&&")],
        "||" => &[(1, "&&")],
        "not" | "!" => &[(1, "")],
        "True" => &[(1, "False")],
        "False" => &[(1, "True")],
        "true" => &[(1, "false")],
        "false" => &[(1, "true")],
        "is" => &[(3, "is not")],
        "in" if leaf
            .parent()
            .is_some_and(|parent| parent.kind() == "comparison_operator") =>
        {
            &[(3, "not in")]
        }
        ".." => &[(1, "..=")],
        "..=" => &[(1, "..")],
        "break" => &[(3, "continue")],
        "continue" => &[(3, "break")],
        _ => &[],
    };
    let mut found: Vec<(u8, String)> = operators
        .iter()
        .map(|(rank, text)| (*rank, (*text).to_owned()))
        .collect();
    let kind = leaf.kind();
    if matches!(
        kind,
        "integer" | "number" | "integer_literal" | "int_literal" | "decimal_integer_literal"
    ) && let Ok(value) = token.parse::<i64>()
    {
        found.extend([(1, value.saturating_add(1).to_string())]);
        if value > 0 {
            found.push((1, (value - 1).to_string()));
        }
        if value > 9 {
            found.extend([
                (4, (value / 10).to_string()),
                (4, value.saturating_mul(10).to_string()),
            ]);
        }
    }
    if kind.ends_with("identifier") {
        let twins = TWINS.iter().filter_map(|(one, other)| match token {
            token if token == *one => Some(*other),
            token if token == *other => Some(*one),
            _ => None,
        });
        found.extend(twins.map(|twin| (1, twin.to_owned())));
    }
    if is_variable(leaf) {
        let member_access = next.is_some_and(|next| text.get(next.byte_range()) == Some("."));
        let rank = if member_access { 5 } else { 4 };
        found.extend(
            names
                .iter()
                .filter(|name| name.as_str() != token)
                .map(|name| (rank, name.clone())),
        );
        if !member_access {
            found.extend(off_by_one(leaf, token, text));
        }
    }
    found
}

/// One more and one less of a variable that is counted, multiplied or used as a place.
fn off_by_one(leaf: &Node<'_>, token: &str, text: &str) -> Vec<(u8, String)> {
    let Some(parent) = leaf.parent() else {
        return Vec::new();
    };
    let operator = parent
        .child_by_field_name("operator")
        .and_then(|operator| text.get(operator.byte_range()))
        .unwrap_or_default();
    let is_place = match parent.kind() {
        // What is indexed is no number, what indexes it may be one.
        "subscript" | "subscript_expression" | "index_expression" => parent
            .named_child(0)
            .is_some_and(|indexed| indexed.id() != leaf.id()),
        "slice" | "range_expression" => true,
        _ => false,
    };
    let (rank, binds) = match operator {
        "*" | "/" | "//" | "%" => (2, true),
        "+" | "-" => (4, false),
        _ if is_place => (2, false),
        _ => return Vec::new(),
    };
    let written = |sign: &str| match binds {
        true => format!("({token} {sign} 1)"),
        false => format!("{token} {sign} 1"),
    };
    vec![(rank, written("-")), (rank, written("+"))]
}

/// Functions and methods that are taken for one another.
const TWINS: [(&str, &str); 28] = [
    ("min", "max"),
    ("any", "all"),
    ("every", "some"),
    ("upper", "lower"),
    ("lstrip", "rstrip"),
    ("strip", "rstrip"),
    ("append", "extend"),
    ("insert", "append"),
    ("startswith", "endswith"),
    ("startsWith", "endsWith"),
    ("starts_with", "ends_with"),
    ("floor", "ceil"),
    ("floor", "round"),
    ("find", "rfind"),
    ("indexOf", "lastIndexOf"),
    ("push", "unshift"),
    ("pop", "shift"),
    ("shift", "unshift"),
    ("toUpperCase", "toLowerCase"),
    ("to_uppercase", "to_lowercase"),
    ("trimStart", "trimEnd"),
    ("trim_start", "trim_end"),
    ("first", "last"),
    ("keys", "values"),
    ("is_some", "is_none"),
    ("split", "rsplit"),
    ("union", "intersection"),
    ("saturating_sub", "saturating_add"),
];

#[cfg(test)]
mod tests {
    use tenon_syntax::Language;

    use super::*;

    fn of(language: Language, text: &str) -> Vec<String> {
        let file = SourceFile::parse(language, text).unwrap();
        mutants(&file, 0..text.len(), 100)
            .iter()
            .map(|mutant| mutant.apply(text))
            .collect()
    }

    #[test]
    fn an_off_by_one_is_among_the_first() {
        let text = "def f(xs, n):\n    return [x for x in xs if x < n]\n";
        let all = of(Language::Python, text);
        assert_eq!(all[0], text.replace('<', "<="));
        assert!(all.iter().all(|mutated| mutated != text));
    }

    #[test]
    fn one_more_and_one_less_of_what_is_counted() {
        let all = of(
            Language::Python,
            "def f(xs, page, size):\n    return xs[page * size : size]\n",
        );
        for expected in ["xs[(page - 1) * size : size]", "xs[page * size : size + 1]"] {
            assert!(
                all.iter().any(|text| text.contains(expected)),
                "{expected}: {all:?}"
            );
        }
        let all = of(Language::Rust, "fn f(xs: &[u8], at: usize) -> u8 { xs[at] }\n");
        assert!(all.iter().any(|text| text.contains("xs[at - 1]")), "{all:?}");
        assert!(all.iter().all(|text| !text.contains("xs + 1")), "{all:?}");
    }

    #[test]
    fn every_mutant_parses() {
        let rust = "fn f(a: Vec<i32>, b: usize) -> bool { a.len() > b && !a.is_empty() || b == 3 }\n";
        let all = of(Language::Rust, rust);
        assert!(all.len() > 5, "{all:?}");
        for text in all {
            assert_eq!(
                SourceFile::parse(Language::Rust, text.as_str())
                    .unwrap()
                    .error_count(),
                0,
                "{text}"
            );
        }
    }

    #[test]
    fn names_are_swapped_and_prose_is_left_alone() {
        let text = "function f(a, b) {\n  // a < b\n  return `a < b` + a;\n}\n";
        let all = of(Language::JavaScript, text);
        assert!(all.contains(&text.replace("+ a;", "+ b;")), "{all:?}");
        assert!(all.iter().all(|mutated| mutated.contains("// a < b")));
    }
}
