use tenon_syntax::{Language, SourceFile};

use super::Block;
use super::slice::largest_parsable;
use crate::style::dedent;

/// The code chosen from a reply.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The code, parsed.
    pub file: SourceFile,
    /// The index of the block it comes from.
    pub block: usize,
    /// The file the block names.
    pub path: Option<String>,
    /// The wanted names it defines.
    pub defined: Vec<String>,
    /// Whether it is a whole block that parses; `false` when parts that do not parse were cut away or remain.
    pub complete: bool,
}

/// The block to use: the longest one that parses and defines the most wanted names, the last of equals; else the
/// largest part of a block that parses. `None` when no block holds code of the language that defines anything.
///
/// `wanted` holds names as [`SourceFile::find`] takes them; empty means that any definition will do. A bare
/// method of a JavaScript or Java class is accepted if `wanted` names it as `Class.method`.
pub fn choose_block(blocks: &[Block], language: Language, wanted: &[String]) -> Option<Chosen> {
    let suited: Vec<usize> = (0..blocks.len())
        .filter(|index| blocks.get(*index).is_some_and(|block| suits(block, language)))
        .collect();
    // A model that names the wrong language may still have written the right one.
    let considered: Vec<usize> = if suited.is_empty() {
        (0..blocks.len()).collect()
    } else {
        suited
    };
    considered
        .into_iter()
        .filter_map(|index| candidate(blocks.get(index)?, index, language, wanted))
        .max_by_key(|chosen| {
            let defines = !chosen.file.symbols().is_empty();
            let clean = chosen.file.error_count() == 0;
            (
                clean && !chosen.defined.is_empty(),
                clean && defines,
                chosen.defined.len(),
                chosen.complete,
                chosen.file.text().len(),
                chosen.block,
            )
        })
}

fn suits(block: &Block, language: Language) -> bool {
    match &block.language {
        None => true,
        Some(name) => Language::from_name(name)
            .is_some_and(|other| other == language || (other.is_ecmascript() && language.is_ecmascript())),
    }
}

fn candidate(block: &Block, index: usize, language: Language, wanted: &[String]) -> Option<Chosen> {
    let whole = SourceFile::parse(language, dedent(&block.code)).ok()?;
    let (file, complete) = if whole.error_count() == 0 && !whole.symbols().is_empty() {
        (whole, true)
    } else if let Some(member) = as_member(block, language, wanted) {
        (member, true)
    } else {
        match largest_parsable(whole.text(), language) {
            Some(part) => (part, false),
            None => (whole, false),
        }
    };
    if file.symbols().is_empty() && file.imports().is_empty() {
        return None;
    }
    let defined = wanted
        .iter()
        .filter(|name| defines(&file, name))
        .cloned()
        .collect();
    Some(Chosen {
        file,
        block: index,
        path: block.path.clone(),
        defined,
        complete,
    })
}

/// `Class.method` counts as defined by a bare method, too: the splice puts it into its class.
fn defines(file: &SourceFile, name: &str) -> bool {
    let bare = name.rsplit(['.', ':', '#']).next().unwrap_or(name);
    file.find(name).is_some()
        || (bare != name
            && file
                .symbols()
                .iter()
                .any(|symbol| symbol.parent.is_none() && symbol.kind.is_callable() && symbol.name == bare))
}

/// A method without its class does not parse in some languages.
fn as_member(block: &Block, language: Language, wanted: &[String]) -> Option<SourceFile> {
    if !(language.is_ecmascript() || language == Language::Java) {
        return None;
    }
    wanted.iter().find_map(|name| {
        let (class, method) = name.rsplit_once(['.', '#'])?;
        let class = class.rsplit('.').next().unwrap_or(class);
        let file = SourceFile::parse(language, format!("class {class} {{\n{}\n}}\n", block.code)).ok()?;
        (file.error_count() == 0 && file.find(&format!("{class}.{method}")).is_some()).then_some(file)
    })
}
