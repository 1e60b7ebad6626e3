//! What makes a symbol visible to other files: `export`, `module.exports`, `pub`.

use tenon_syntax::{Language, SourceFile, Span, Symbol, SymbolKind};

use super::Splicer;

/// How a JavaScript or TypeScript file exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Modules {
    /// `import` and `export`.
    Standard,
    /// `require` and `module.exports`.
    Common,
    /// Neither shows.
    Unknown,
}

impl Modules {
    pub(super) fn of(file: &SourceFile) -> Self {
        let root = file.tree().root_node();
        let mut cursor = root.walk();
        let mut modules = Self::Unknown;
        for child in root.named_children(&mut cursor) {
            match child.kind() {
                "import_statement" | "export_statement" => return Self::Standard,
                "expression_statement" | "lexical_declaration" | "variable_declaration" => {
                    let text = file.slice(Span::of(child));
                    if is_export_statement(text) || text.starts_with("exports.") || text.contains("require(")
                    {
                        modules = Self::Common;
                    }
                }
                _ => {}
            }
        }
        modules
    }
}

pub(super) fn is_export_statement(text: &str) -> bool {
    text.starts_with("module.exports") || text.starts_with("export {") || text.starts_with("export default")
}

/// Where the part of a reply's item starts that is taken: behind an `export` that the file cannot have.
pub(super) fn item_start(original: &SourceFile, reply: &SourceFile, symbol: &Symbol) -> usize {
    let drops_export = original.language().is_ecmascript() && Modules::of(original) == Modules::Common;
    let text = item(reply, symbol);
    match prefix(reply.language(), text) {
        Some(prefix) if drops_export => symbol.item_start + prefix.len(),
        _ => symbol.item_start,
    }
}

/// The `export` or `pub` of the file's symbol, if the reply left it out.
pub(super) fn prefix_to_keep(
    original: &SourceFile,
    partner: &Symbol,
    reply: &SourceFile,
    symbol: &Symbol,
) -> String {
    let theirs = prefix(reply.language(), item(reply, symbol));
    let ours = prefix(original.language(), item(original, partner));
    match (ours, theirs) {
        (Some(ours), None) => ours.to_owned(),
        _ => String::new(),
    }
}

/// The `export` or `pub` that a wanted new symbol needs where its likes have one.
pub(super) fn prefix_for_new(
    original: &SourceFile,
    reply: &SourceFile,
    symbol: &Symbol,
    wanted: bool,
) -> &'static str {
    let eligible =
        wanted && symbol.parent.is_none() && prefix(reply.language(), item(reply, symbol)).is_none();
    let prefix_word = match original.language() {
        Language::Rust
            if symbol.kind != SymbolKind::Implementation
                && !symbol.parameters.iter().any(|name| name == "self") =>
        {
            "pub "
        }
        language if language.is_ecmascript() && Modules::of(original) == Modules::Standard => "export ",
        _ => return "",
    };
    let likes = || {
        original.symbols().iter().filter(|other| {
            other.parent.is_none()
                && (other.kind == symbol.kind || (other.kind.is_callable() && symbol.kind.is_callable()))
        })
    };
    let exported = likes()
        .filter(|other| item(original, other).starts_with(prefix_word))
        .count();
    let exports = exported > 0 && exported * 2 >= likes().count();
    if eligible && exports { prefix_word } else { "" }
}

fn item<'file>(file: &'file SourceFile, symbol: &Symbol) -> &'file str {
    file.slice(Span::new(symbol.item_start, symbol.span.end))
}

/// The words in front of an item that make it visible, with the white space behind them.
fn prefix(language: Language, item: &str) -> Option<&str> {
    let words: &[&str] = match language {
        Language::Rust => &["pub"],
        language if language.is_ecmascript() => &["export"],
        _ => return None,
    };
    let word = words.iter().find(|word| item.starts_with(**word))?;
    let mut end = word.len();
    let rest = item.get(end..)?;
    if language == Language::Rust && rest.starts_with('(') {
        end += rest.find(')')? + 1;
    }
    if language.is_ecmascript() {
        let trimmed = rest.trim_start();
        if trimmed.starts_with("default ") {
            end += rest.len() - trimmed.len() + "default".len();
        }
    }
    let rest = item.get(end..)?;
    let white = rest.len() - rest.trim_start().len();
    (white > 0).then(|| item.get(..end + white))?
}

impl Splicer<'_> {
    /// Adds names to `module.exports = { … }`: those the reply exports and those that were asked for.
    pub(super) fn merge_exports(&mut self) {
        if !self.original.language().is_ecmascript() {
            return;
        }
        let symbols: Vec<&Symbol> = self
            .reply
            .symbols()
            .iter()
            .filter(|symbol| symbol.parent.is_none() && self.needs_export(symbol))
            .collect();
        let names: Vec<String> = symbols.iter().map(|symbol| symbol.name.clone()).collect();
        if names.is_empty() {
            return;
        }
        match self.export_object() {
            Some((object, word)) => {
                // A symbol that carries its own `export` must not be exported twice.
                let names: Vec<String> = names
                    .into_iter()
                    .filter(|name| word != "export" || !self.carries_export(name))
                    .collect();
                if !names.is_empty() {
                    self.extend_object(object, &names);
                }
            }
            None if Modules::of(self.original) == Modules::Unknown
                && Modules::of(self.reply) == Modules::Common =>
            {
                let single = format!("module.exports = {}", names.join(", "));
                let text = if names.len() == 1 && self.reply.text().contains(&single) {
                    format!("{single};")
                } else {
                    format!("module.exports = {{ {} }};", names.join(", "))
                };
                self.insert_text_at_end(&text, 1);
            }
            None => {}
        }
    }

    /// New or rewritten, exported by the reply or asked for, and not exported yet.
    fn needs_export(&self, symbol: &Symbol) -> bool {
        let added = self.added_names.contains(&symbol.name);
        let own = self
            .original
            .symbols()
            .iter()
            .find(|own| own.parent.is_none() && own.name == symbol.name);
        let rewritten = own.is_some_and(|own| !own.exported && self.replaced.contains(&own.qualified_name));
        (added && (symbol.exported || self.is_wanted(symbol))) || (rewritten && symbol.exported)
    }

    fn carries_export(&self, name: &str) -> bool {
        self.reply
            .symbols()
            .iter()
            .filter(|symbol| symbol.parent.is_none() && symbol.name == name)
            .any(|symbol| {
                item(self.reply, symbol).starts_with("export")
                    || !prefix_for_new(self.original, self.reply, symbol, self.is_wanted(symbol)).is_empty()
            })
    }

    /// The object of `module.exports = { … }` or the clause of `export { … }`.
    fn export_object(&self) -> Option<(Span, &'static str)> {
        let root = self.original.tree().root_node();
        let mut cursor = root.walk();
        root.named_children(&mut cursor)
            .find_map(|child| match child.kind() {
                "expression_statement" => {
                    let assignment = child
                        .named_child(0)
                        .filter(|inner| inner.kind() == "assignment_expression")?;
                    let left = assignment.child_by_field_name("left")?;
                    let right = assignment.child_by_field_name("right")?;
                    (self.original.slice(Span::of(left)) == "module.exports" && right.kind() == "object")
                        .then(|| (Span::of(right), "module.exports"))
                }
                "export_statement" if child.child_by_field_name("source").is_none() => {
                    let clause = child
                        .named_child(0)
                        .filter(|inner| inner.kind() == "export_clause")?;
                    Some((Span::of(clause), "export"))
                }
                _ => None,
            })
    }

    fn extend_object(&mut self, object: Span, names: &[String]) {
        let text = self.original.slice(object);
        let inner = text
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'))
            .unwrap_or_default();
        let content = inner.trim_end();
        let at = object.start + 1 + content.len();
        let comma = if content.trim().is_empty() || content.ends_with(',') {
            ""
        } else {
            ","
        };
        let inserted = if content.contains('\n') {
            let last = content.rsplit('\n').next().unwrap_or_default();
            let indentation = crate::style::indentation(last);
            let lines: Vec<String> = names
                .iter()
                .map(|name| format!("{}{indentation}{name}", self.style.newline))
                .collect();
            let trailing = if content.ends_with(',') { "," } else { "" };
            format!("{comma}{}{trailing}", lines.join(","))
        } else {
            let space = if content.trim().is_empty() && inner.is_empty() {
                " "
            } else {
                ""
            };
            format!(
                "{comma}{}{}{space}",
                if space.is_empty() { " " } else { space },
                names.join(", ")
            )
        };
        self.edits.insert(at, inserted);
    }
}
