//! Methods that a model wrote without their class.

use tenon_syntax::{Language, SourceFile, Symbol, SymbolKind};

use super::Pairing;
use crate::splice::{SpliceScope, names};

impl Pairing {
    /// A method that a model wrote without its class belongs to the class that has its namesake, else to the
    /// class of the neighbour that was named, else to the only class there is.
    pub(super) fn find_homes(&mut self, original: &SourceFile, reply: &SourceFile, scope: &SpliceScope) {
        for (index, symbol) in reply.symbols().iter().enumerate() {
            if symbol.parent.is_some() || !symbol.kind.is_callable() || self.partner(index).is_some() {
                continue;
            }
            if reply.language() == Language::Go || !is_bare_method(reply, symbol) {
                continue;
            }
            let members: Vec<usize> = (0..original.symbols().len())
                .filter(|candidate| {
                    original.symbols().get(*candidate).is_some_and(|candidate| {
                        candidate.name == symbol.name
                            && candidate.kind == SymbolKind::Method
                            && candidate.parent.is_some()
                    })
                })
                .collect();
            let allowed = members.iter().copied().find(|member| {
                original.symbols().get(*member).is_some_and(|member| {
                    let editable = scope.editable.iter().flatten();
                    editable
                        .chain(&scope.wanted)
                        .any(|name| name.contains(['.', ':', '#']) && names::means_or_holds(name, member))
                })
            });
            let member = allowed.or_else(|| members.first().copied().filter(|_| members.len() == 1));
            let home = match member {
                Some(member) => {
                    self.partners.insert(index, member);
                    original.symbols().get(member).and_then(|member| member.parent)
                }
                None => container_for_new(original, symbol, scope),
            };
            if let Some(home) = home {
                self.homes.insert(index, home);
            }
        }
    }
}

fn is_bare_method(file: &SourceFile, symbol: &Symbol) -> bool {
    let first = symbol.parameters.first().map(String::as_str);
    match file.language() {
        Language::Python => {
            let decorators = file
                .text()
                .get(symbol.definition_span.start..symbol.item_start)
                .unwrap_or_default();
            matches!(first, Some("self" | "cls"))
                || ["@property", "@staticmethod", "@classmethod"]
                    .iter()
                    .any(|name| decorators.contains(name))
        }
        Language::Rust => first == Some("self"),
        Language::Java => true,
        _ => false,
    }
}

fn container_for_new(original: &SourceFile, symbol: &Symbol, scope: &SpliceScope) -> Option<usize> {
    let symbols = original.symbols();
    let holds = |index: &usize| {
        symbols
            .get(*index)
            .is_some_and(|symbol| matches!(symbol.kind, SymbolKind::Class | SymbolKind::Implementation))
    };
    let asked = scope
        .wanted
        .iter()
        .chain(scope.editable.iter().flatten())
        .find_map(|name| {
            let name = name.replace("::", ".").replace('#', ".");
            let (class, method) = name.rsplit_once('.')?;
            (method == symbol.name).then(|| {
                let class = class.to_owned();
                (0..symbols.len()).filter(holds).find(|index| {
                    symbols
                        .get(*index)
                        .is_some_and(|symbol| symbol.name == class || symbol.qualified_name == class)
                })
            })?
        });
    let near = scope.insert_near.as_deref().and_then(|near| {
        let near = original.find(near)?;
        let index = symbols.iter().position(|symbol| symbol == near)?;
        Some(index).filter(holds).or(near.parent)
    });
    let mut classes = (0..symbols.len()).filter(holds).filter(|index| {
        symbols
            .get(*index)
            .is_some_and(|symbol| symbol.parent.is_none() && !symbol.signature.contains(" for "))
    });
    let only = classes.next().filter(|_| classes.next().is_none());
    asked.or(near).or(only)
}
