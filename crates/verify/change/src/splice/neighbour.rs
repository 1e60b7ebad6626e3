//! The symbol beside which a new one goes.

use tenon_syntax::{Symbol, SymbolKind};

use super::{Splicer, refuse};

/// A symbol of the file beside which a new one goes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Neighbour {
    After(usize),
    Before(usize),
}

impl Splicer<'_> {
    /// The neighbour that the caller named, lifted to the level of the insertion.
    pub(super) fn asked_neighbour(&self, container: Option<usize>) -> Option<Neighbour> {
        let near = self.original.find(self.scope.insert_near.as_deref()?)?;
        let mut index = self.original.symbols().iter().position(|symbol| symbol == near)?;
        loop {
            let parent = self.original_symbol(index)?.parent;
            if parent == container {
                return Some(Neighbour::After(index));
            }
            index = parent?;
        }
    }

    /// Methods of Go and `impl` blocks follow the last part of their type, unless the reply shows them beside it.
    pub(super) fn neighbour_of_owner(
        &self,
        symbol: &Symbol,
        container: Option<usize>,
        shown: Option<Neighbour>,
    ) -> Option<Neighbour> {
        let owner = match symbol.kind {
            SymbolKind::Implementation => symbol.name.as_str(),
            _ if symbol.parent.is_none() => symbol.qualified_name.rsplit_once('.')?.0,
            _ => return None,
        };
        let owned = |index: usize| {
            self.original_symbol(index).is_some_and(|other| {
                other.parent == container
                    && (other.name == owner
                        || other
                            .qualified_name
                            .rsplit_once('.')
                            .is_some_and(|(prefix, _)| prefix == owner))
            })
        };
        match shown {
            Some(Neighbour::After(index) | Neighbour::Before(index)) if owned(index) => None,
            _ => (0..self.original.symbols().len())
                .rev()
                .find(|index| owned(*index))
                .map(Neighbour::After),
        }
    }

    /// The last symbol of the same kind.
    pub(super) fn likely_neighbour(&self, symbol: &Symbol, container: Option<usize>) -> Option<Neighbour> {
        let siblings: Vec<(usize, &Symbol)> = self
            .original
            .symbols()
            .iter()
            .enumerate()
            .filter(|(_, other)| other.parent == container)
            .filter(|(_, other)| !refuse::is_test(self.original.language(), other) && other.name != "main")
            .collect();
        let last = |fits: &dyn Fn(&Symbol) -> bool| {
            siblings
                .iter()
                .rev()
                .find(|(_, other)| fits(other))
                .map(|(index, _)| Neighbour::After(*index))
        };
        let data = |symbol: &Symbol| matches!(symbol.kind, SymbolKind::Constant | SymbolKind::Variable);
        if data(symbol) {
            // Data that functions use belongs above them.
            return last(&data).or_else(|| siblings.first().map(|(index, _)| Neighbour::Before(*index)));
        }
        last(&|other| other.body_span.is_some() && other.kind == symbol.kind)
            .or_else(|| last(&|other| other.body_span.is_some()))
            .or_else(|| last(&|_| true))
    }
}
