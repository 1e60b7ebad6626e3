use serde::{Deserialize, Serialize};

use crate::Span;

/// A named item of a file's outline.
///
/// Items inside function bodies are not part of the outline. Spans are bytes of the file's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symbol {
    /// The bare name; for [`SymbolKind::Implementation`] the name of the type; `default` for an unnamed default export.
    pub name: String,
    /// The name with its containers, joined by dots: `Class.method`. A Go method carries its receiver's type.
    pub qualified_name: String,
    /// What it is.
    pub kind: SymbolKind,
    /// The whole item: leading comments, attributes or decorators, `export`, up to its last token.
    pub span: Span,
    /// The item without leading comments, but with attributes, decorators and `export`.
    pub definition_span: Span,
    /// Where the item proper starts, behind attributes and decorators: `pub fn`, `export class`, `def`.
    pub item_start: usize,
    /// The name alone; empty for an unnamed default export.
    pub name_span: Span,
    /// The body, if there is one: the block with its braces, or the Python suite.
    pub body_span: Option<Span>,
    /// One line up to the body, white space collapsed.
    pub signature: String,
    /// The docstring or doc comment, without its markers.
    pub doc: Option<String>,
    /// The names of the parameters in order, `self` included.
    pub parameters: Vec<String>,
    /// 1-based line of `item_start`.
    pub line: u32,
    /// 1-based line of the last token.
    pub end_line: u32,
    /// Index of the symbol whose body holds this one.
    pub parent: Option<usize>,
    /// Whether other files may use it: `pub`, `export`, `public`, a capital in Go, no underscore in Python.
    pub exported: bool,
}

/// What a [`Symbol`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SymbolKind {
    /// A function, an arrow function bound to a name, or a macro.
    Function,
    /// A function that belongs to a type, constructors included.
    Method,
    /// A class, or a Java record.
    Class,
    /// A struct or union.
    Struct,
    /// An enumeration.
    Enum,
    /// An interface, or a Java annotation type.
    Interface,
    /// A Rust trait.
    Trait,
    /// A Rust `impl` block.
    Implementation,
    /// A type alias, or a defined type that is neither struct nor interface.
    TypeAlias,
    /// A constant.
    Constant,
    /// A variable or field.
    Variable,
    /// A module or namespace.
    Module,
}

impl SymbolKind {
    /// The word used on the wire and on the screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Method => "method",
            Self::Class => "class",
            Self::Struct => "struct",
            Self::Enum => "enum",
            Self::Interface => "interface",
            Self::Trait => "trait",
            Self::Implementation => "implementation",
            Self::TypeAlias => "type_alias",
            Self::Constant => "constant",
            Self::Variable => "variable",
            Self::Module => "module",
        }
    }

    /// Whether it can be called: a function or method.
    pub fn is_callable(self) -> bool {
        matches!(self, Self::Function | Self::Method)
    }

    /// Whether its body holds other symbols.
    pub fn is_container(self) -> bool {
        matches!(
            self,
            Self::Class
                | Self::Struct
                | Self::Enum
                | Self::Interface
                | Self::Trait
                | Self::Implementation
                | Self::Module
        )
    }
}
