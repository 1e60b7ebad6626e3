//! Python's scopes: who sees which binding.

use std::collections::{HashMap, HashSet};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScopeKind {
    Module,
    Function,
    Class,
    Comprehension,
    /// Between a generic definition and its surroundings; sees an enclosing class.
    TypeParameters,
}

#[derive(Debug)]
struct Scope<'text> {
    kind: ScopeKind,
    parent: usize,
    bindings: HashSet<&'text str>,
    globals: HashSet<&'text str>,
}

/// All scopes of a file; the module is number 0.
#[derive(Debug)]
pub(super) struct Scopes<'text> {
    scopes: Vec<Scope<'text>>,
    /// How often each name is bound, over all scopes.
    times_bound: HashMap<&'text str, usize>,
}

impl<'text> Scopes<'text> {
    pub(super) const MODULE: usize = 0;

    pub(super) fn new() -> Self {
        let mut scopes = Self {
            scopes: Vec::new(),
            times_bound: HashMap::new(),
        };
        scopes.add(ScopeKind::Module, Self::MODULE);
        scopes
    }

    pub(super) fn add(&mut self, kind: ScopeKind, parent: usize) -> usize {
        self.scopes.push(Scope {
            kind,
            parent,
            bindings: HashSet::new(),
            globals: HashSet::new(),
        });
        self.scopes.len() - 1
    }

    pub(super) fn kind(&self, scope: usize) -> ScopeKind {
        self.scopes
            .get(scope)
            .map_or(ScopeKind::Module, |found| found.kind)
    }

    pub(super) fn bind(&mut self, scope: usize, name: &'text str) {
        *self.times_bound.entry(name).or_default() += 1;
        if let Some(found) = self.scopes.get_mut(scope) {
            found.bindings.insert(name);
        }
    }

    pub(super) fn times_bound(&self, name: &str) -> usize {
        self.times_bound.get(name).copied().unwrap_or(0)
    }

    /// `global name`: the module gets the binding, this scope looks there.
    pub(super) fn declare_global(&mut self, scope: usize, name: &'text str) {
        if let Some(found) = self.scopes.get_mut(scope) {
            found.globals.insert(name);
        }
        self.bind(Self::MODULE, name);
    }

    /// An assignment expression binds in the function around the comprehension.
    pub(super) fn bind_through_comprehensions(&mut self, scope: usize, name: &'text str) {
        let mut target = scope;
        while let Some(found) = self.scopes.get(target) {
            if found.kind != ScopeKind::Comprehension {
                break;
            }
            target = found.parent;
        }
        self.bind(target, name);
    }

    pub(super) fn resolves(&self, scope: usize, name: &str) -> bool {
        self.chain(scope)
            .any(|found| found.bindings.contains(name) || found.globals.contains(name))
    }

    pub(super) fn module_binds(&self, name: &str) -> bool {
        self.scopes
            .first()
            .is_some_and(|module| module.bindings.contains(name))
    }

    pub(super) fn module_bindings(&self) -> impl Iterator<Item = &'text str> + '_ {
        self.scopes
            .first()
            .into_iter()
            .flat_map(|module| module.bindings.iter().copied())
    }

    pub(super) fn visible(&self, scope: usize) -> impl Iterator<Item = &str> {
        self.chain(scope).flat_map(|found| found.bindings.iter().copied())
    }

    /// The scopes that a name used in `scope` may come from, inside out.
    fn chain(&self, scope: usize) -> impl Iterator<Item = &Scope<'text>> {
        let mut next = Some(scope);
        // A class body is visible to itself and to the type parameters of its members, not to its functions.
        let mut sees_class = true;
        std::iter::from_fn(move || {
            loop {
                let index = next?;
                let found = self.scopes.get(index)?;
                next = (index != Self::MODULE).then_some(found.parent);
                let visible = found.kind != ScopeKind::Class || sees_class;
                sees_class &= found.kind == ScopeKind::TypeParameters;
                if visible {
                    return Some(found);
                }
            }
        })
    }
}
