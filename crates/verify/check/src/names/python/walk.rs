//! Collects bindings and usages. A stack of work items instead of recursion: source from a model may nest
//! as deep as it likes.

use std::collections::HashMap;

use tree_sitter::{Node, Point};

use super::scope::{ScopeKind, Scopes};

/// A name that is read somewhere.
#[derive(Debug)]
pub(super) struct Usage<'text> {
    pub(super) name: &'text str,
    pub(super) scope: usize,
    pub(super) position: Point,
    pub(super) byte: usize,
    /// In an annotation that Python never evaluates.
    pub(super) lazy: bool,
}

/// What an identifier in this place does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Read,
    Bind,
    /// Inside `case`: bare names bind, dotted names are read.
    Case,
    BindTypeParameter,
}

#[derive(Debug, Clone, Copy)]
struct Context {
    scope: usize,
    role: Role,
    lazy: bool,
    /// Inside `try` with a handler for `NameError`.
    guarded: bool,
}

impl Context {
    fn reading(self) -> Self {
        Self {
            role: Role::Read,
            ..self
        }
    }

    fn binding(self) -> Self {
        Self {
            role: Role::Bind,
            ..self
        }
    }

    fn inside(self, scope: usize) -> Self {
        Self {
            scope,
            role: Role::Read,
            ..self
        }
    }
}

/// Collects what a file binds and reads.
#[derive(Debug)]
pub(super) struct Walker<'tree, 'text> {
    text: &'text str,
    pub(super) scopes: Scopes<'text>,
    pub(super) usages: Vec<Usage<'text>>,
    /// The strings of `__all__`.
    pub(super) exports: Vec<Usage<'text>>,
    pub(super) star_import: bool,
    /// How often each name is bound by an import.
    pub(super) times_imported: HashMap<&'text str, usize>,
    /// `name.member` reads, with the node of the member.
    pub(super) member_reads: Vec<(&'text str, Node<'tree>)>,
    lazy_annotations: bool,
    pending: Vec<(Node<'tree>, Context)>,
}

impl<'tree, 'text> Walker<'tree, 'text> {
    pub(super) fn new(text: &'text str) -> Self {
        Self {
            text,
            scopes: Scopes::new(),
            usages: Vec::new(),
            exports: Vec::new(),
            star_import: false,
            times_imported: HashMap::new(),
            member_reads: Vec::new(),
            lazy_annotations: text.contains("from __future__ import annotations"),
            pending: Vec::new(),
        }
    }

    pub(super) fn walk(&mut self, root: Node<'tree>) {
        let context = Context {
            scope: Scopes::MODULE,
            role: Role::Read,
            lazy: false,
            guarded: false,
        };
        self.pending.push((root, context));
        while let Some((node, context)) = self.pending.pop() {
            self.visit(node, context);
        }
    }

    fn visit(&mut self, node: Node<'tree>, context: Context) {
        match node.kind() {
            "identifier" => self.identifier(node, context),
            "dotted_name" => self.dotted_name(node, context),
            "comment" | "string_content" | "keyword_separator" | "positional_separator" => {}
            "attribute" => self.attribute(node, context),
            "member_type" => self.push_first(node, context.reading()),
            "subscript" | "call" => self.push_children(node, context.reading()),
            "keyword_argument" => self.push_field(node, "value", context.reading()),
            "import_statement" => self.import(node, context, true),
            "import_from_statement" | "future_import_statement" => self.import(node, context, false),
            "function_definition" => self.function(node, context),
            "lambda" | "lambda_within_for_in_clause" => self.lambda(node, context),
            "class_definition" => self.class(node, context),
            "list_comprehension"
            | "set_comprehension"
            | "dictionary_comprehension"
            | "generator_expression" => {
                self.comprehension(node, context);
            }
            "for_in_clause" | "for_statement" => self.target_field(node, "left", context),
            "assignment" => self.assignment(node, context),
            "augmented_assignment" => {
                self.exported(node);
                self.target_field(node, "left", context);
            }
            "named_expression" => self.named_expression(node, context),
            // `del x` makes `x` a name of this scope, just as an assignment does.
            "delete_statement" | "as_pattern_target" => self.push_children(node, context.binding()),
            "except_clause" => self.target_field(node, "alias", context),
            "global_statement" => {
                for name in self.identifiers(node) {
                    self.scopes.declare_global(context.scope, name);
                }
            }
            // The enclosing function binds it, or the compiler refuses the file.
            "nonlocal_statement" => {
                for name in self.identifiers(node) {
                    self.scopes.bind(context.scope, name);
                }
            }
            "try_statement" => self.try_statement(node, context),
            "case_clause" => self.case_clause(node, context),
            "class_pattern" => self.class_pattern(node, context),
            "keyword_pattern" => self.push_after_first(node, context),
            "type_alias_statement" => self.type_alias(node, context),
            "constrained_type" if context.role == Role::BindTypeParameter => {
                self.push_first(node, context);
                self.push_after_first(node, context.reading());
            }
            "expression_statement" => {
                self.exported_by_method(node);
                self.push_children(node, context);
            }
            _ => self.push_children(node, context),
        }
    }

    fn identifier(&mut self, node: Node<'tree>, context: Context) {
        let name = self.slice(node);
        match context.role {
            Role::Read => self.read(node, context),
            Role::Bind | Role::BindTypeParameter => self.scopes.bind(context.scope, name),
            Role::Case => {
                if name != "_" {
                    self.scopes.bind(context.scope, name);
                }
            }
        }
    }

    fn read(&mut self, node: Node<'tree>, context: Context) {
        if context.guarded {
            return;
        }
        self.usages.push(Usage {
            name: self.slice(node),
            scope: context.scope,
            position: node.start_position(),
            byte: node.start_byte(),
            lazy: context.lazy,
        });
    }

    /// A dotted name in a pattern: `Colour.RED` reads `Colour`, a bare `x` binds.
    fn dotted_name(&mut self, node: Node<'tree>, context: Context) {
        let Some(first) = node.named_child(0) else {
            return;
        };
        if context.role == Role::Case && node.named_child_count() == 1 {
            self.identifier(first, context);
        } else {
            self.read(first, context.reading());
        }
    }

    fn import(&mut self, node: Node<'tree>, context: Context, whole_module: bool) {
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            if child.kind() == "wildcard_import" {
                self.star_import = true;
            }
        }
        let mut cursor = node.walk();
        let names: Vec<Node<'tree>> = node.children_by_field_name("name", &mut cursor).collect();
        for name in names {
            let bound = match name.kind() {
                "aliased_import" => name.child_by_field_name("alias"),
                // `import a.b` binds `a`; `from a import b` binds `b`.
                _ if whole_module => name.named_child(0),
                _ => Some(name),
            };
            if let Some(bound) = bound {
                let bound = self.slice(bound);
                *self.times_imported.entry(bound).or_default() += 1;
                self.scopes.bind(context.scope, bound);
            }
        }
    }

    fn attribute(&mut self, node: Node<'tree>, context: Context) {
        let object = node.child_by_field_name("object");
        if let (Some(object), Some(member)) = (object, node.child_by_field_name("attribute")) {
            if object.kind() == "identifier" && context.role == Role::Read && !context.guarded {
                self.member_reads.push((self.slice(object), member));
            }
            self.pending.push((object, context.reading()));
        }
    }

    fn function(&mut self, node: Node<'tree>, context: Context) {
        let outer = self.definition(node, context);
        let inner = self.scopes.add(ScopeKind::Function, outer.scope);
        let annotation = Context {
            lazy: outer.lazy || self.lazy_annotations,
            ..outer
        };
        self.push_field(node, "return_type", annotation);
        if let Some(parameters) = node.child_by_field_name("parameters") {
            self.parameters(parameters, inner, outer, annotation);
        }
        let body = Context {
            guarded: context.guarded,
            lazy: false,
            ..outer.inside(inner)
        };
        self.push_field(node, "body", body);
    }

    fn lambda(&mut self, node: Node<'tree>, context: Context) {
        let outer = context.reading();
        let inner = self.scopes.add(ScopeKind::Function, context.scope);
        if let Some(parameters) = node.child_by_field_name("parameters") {
            self.parameters(parameters, inner, outer, outer);
        }
        self.push_field(node, "body", outer.inside(inner));
    }

    fn class(&mut self, node: Node<'tree>, context: Context) {
        let outer = self.definition(node, context);
        self.push_field(node, "superclasses", outer);
        let inner = self.scopes.add(ScopeKind::Class, outer.scope);
        self.push_field(node, "body", outer.inside(inner));
    }

    /// Binds the name of a definition and opens the scope of its type parameters, if it has some.
    fn definition(&mut self, node: Node<'tree>, context: Context) -> Context {
        if let Some(name) = node.child_by_field_name("name") {
            self.scopes.bind(context.scope, self.slice(name));
        }
        let Some(parameters) = node.child_by_field_name("type_parameters") else {
            return context.reading();
        };
        let scope = self.scopes.add(ScopeKind::TypeParameters, context.scope);
        let outer = context.inside(scope);
        self.push_children(
            parameters,
            Context {
                role: Role::BindTypeParameter,
                ..outer
            },
        );
        outer
    }

    /// Names bind inside; defaults and annotations are evaluated outside.
    fn parameters(&mut self, node: Node<'tree>, inner: usize, outer: Context, annotation: Context) {
        let bind = Context {
            role: Role::Bind,
            ..outer.inside(inner)
        }
        .binding();
        let mut cursor = node.walk();
        let parameters: Vec<Node<'tree>> = node.named_children(&mut cursor).collect();
        for parameter in parameters {
            match parameter.kind() {
                "typed_parameter" => {
                    self.push_first(parameter, bind);
                    self.push_field(parameter, "type", annotation);
                }
                "default_parameter" | "typed_default_parameter" => {
                    self.push_field(parameter, "name", bind);
                    self.push_field(parameter, "type", annotation);
                    self.push_field(parameter, "value", outer);
                }
                _ => self.pending.push((parameter, bind)),
            }
        }
    }

    /// The first iterable belongs to the surroundings; everything else to the comprehension.
    fn comprehension(&mut self, node: Node<'tree>, context: Context) {
        let outer = context.reading();
        let scope = self.scopes.add(ScopeKind::Comprehension, context.scope);
        let inner = outer.inside(scope);
        let mut first = true;
        let mut cursor = node.walk();
        let children: Vec<Node<'tree>> = node.named_children(&mut cursor).collect();
        for child in children {
            if child.kind() == "for_in_clause" && first {
                first = false;
                self.push_field(child, "left", inner.binding());
                self.push_field(child, "right", outer);
            } else {
                self.pending.push((child, inner));
            }
        }
    }

    fn assignment(&mut self, node: Node<'tree>, context: Context) {
        self.exported(node);
        let local = self.scopes.kind(context.scope) == ScopeKind::Function;
        let annotation = Context {
            lazy: context.lazy || self.lazy_annotations || local,
            ..context.reading()
        };
        self.push_field(node, "type", annotation);
        self.push_field(node, "left", context.binding());
        self.push_field(node, "right", context.reading());
    }

    fn named_expression(&mut self, node: Node<'tree>, context: Context) {
        if let Some(name) = node.child_by_field_name("name") {
            self.scopes
                .bind_through_comprehensions(context.scope, self.slice(name));
        }
        self.push_field(node, "value", context.reading());
    }

    fn try_statement(&mut self, node: Node<'tree>, context: Context) {
        let mut cursor = node.walk();
        let handled = node
            .named_children(&mut cursor)
            .filter(|child| child.kind() == "except_clause")
            .any(|clause| match clause.child_by_field_name("value") {
                None => true,
                Some(value) => self.slice(value).contains("NameError"),
            });
        let body = node.child_by_field_name("body");
        let mut cursor = node.walk();
        let children: Vec<Node<'tree>> = node.named_children(&mut cursor).collect();
        for child in children {
            let guarded = context.guarded || (handled && Some(child) == body);
            self.pending.push((
                child,
                Context {
                    guarded,
                    ..context.reading()
                },
            ));
        }
    }

    fn case_clause(&mut self, node: Node<'tree>, context: Context) {
        let mut cursor = node.walk();
        let children: Vec<Node<'tree>> = node.named_children(&mut cursor).collect();
        for child in children {
            let role = if child.kind() == "case_pattern" {
                Role::Case
            } else {
                Role::Read
            };
            self.pending.push((child, Context { role, ..context }));
        }
    }

    fn class_pattern(&mut self, node: Node<'tree>, context: Context) {
        self.push_first(node, context.reading());
        self.push_after_first(node, context);
    }

    fn type_alias(&mut self, node: Node<'tree>, context: Context) {
        let scope = self.scopes.add(ScopeKind::TypeParameters, context.scope);
        if let Some(left) = node.child_by_field_name("left") {
            for name in self.identifiers(left) {
                self.scopes.bind(scope, name);
            }
            let head = self.slice(left).split(['[', ' ']).next().unwrap_or("");
            self.scopes.bind(context.scope, head);
        }
        self.push_field(
            node,
            "right",
            Context {
                lazy: true,
                ..context.inside(scope)
            },
        );
    }

    /// Pushes all children, the field `target` as something that is bound.
    fn target_field(&mut self, node: Node<'tree>, target: &str, context: Context) {
        let mut cursor = node.walk();
        let targets: Vec<usize> = node
            .children_by_field_name(target, &mut cursor)
            .map(|child| child.id())
            .collect();
        let mut cursor = node.walk();
        let children: Vec<Node<'tree>> = node.named_children(&mut cursor).collect();
        for child in children {
            let role = if targets.contains(&child.id()) {
                Role::Bind
            } else {
                Role::Read
            };
            self.pending.push((child, Context { role, ..context }));
        }
    }

    /// `__all__ = ["a", "b"]` promises that the module has these names.
    fn exported(&mut self, node: Node<'tree>) {
        let target = node.child_by_field_name("left").map(|left| self.slice(left));
        if let (Some("__all__"), Some(right)) = (target, node.child_by_field_name("right")) {
            self.export_strings(right);
        }
    }

    /// `__all__.extend([...])` and `__all__.append("a")`.
    fn exported_by_method(&mut self, node: Node<'tree>) {
        let Some(call) = node.named_child(0).filter(|child| child.kind() == "call") else {
            return;
        };
        let function = call
            .child_by_field_name("function")
            .map(|function| self.slice(function));
        if let (Some("__all__.extend" | "__all__.append"), Some(arguments)) =
            (function, call.child_by_field_name("arguments"))
        {
            let mut cursor = arguments.walk();
            let arguments: Vec<Node<'tree>> = arguments.named_children(&mut cursor).collect();
            for argument in arguments {
                self.export_strings(argument);
            }
        }
    }

    fn export_strings(&mut self, node: Node<'tree>) {
        let strings: Vec<Node<'tree>> = match node.kind() {
            "list" | "tuple" => {
                let mut cursor = node.walk();
                node.named_children(&mut cursor)
                    .filter(|child| child.kind() == "string")
                    .collect()
            }
            "string" => vec![node],
            _ => return,
        };
        for string in strings {
            let name = self.slice(string).trim_matches(['"', '\'']);
            let is_name = !name.is_empty()
                && name
                    .chars()
                    .all(|letter| letter.is_alphanumeric() || letter == '_');
            if is_name {
                self.exports.push(Usage {
                    name,
                    scope: Scopes::MODULE,
                    position: string.start_position(),
                    byte: string.start_byte(),
                    lazy: false,
                });
            }
        }
    }

    /// All identifiers directly or indirectly below `node`.
    fn identifiers(&self, node: Node<'tree>) -> Vec<&'text str> {
        let mut found = Vec::new();
        let mut pending = vec![node];
        while let Some(node) = pending.pop() {
            if node.kind() == "identifier" {
                found.push(self.slice(node));
            }
            let mut cursor = node.walk();
            pending.extend(node.named_children(&mut cursor));
        }
        found
    }

    fn push_children(&mut self, node: Node<'tree>, context: Context) {
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            self.pending.push((child, context));
        }
    }

    fn push_field(&mut self, node: Node<'tree>, field: &str, context: Context) {
        let mut cursor = node.walk();
        for child in node.children_by_field_name(field, &mut cursor) {
            if child.is_named() {
                self.pending.push((child, context));
            }
        }
    }

    fn push_first(&mut self, node: Node<'tree>, context: Context) {
        if let Some(first) = node.named_child(0) {
            self.pending.push((first, context));
        }
    }

    fn push_after_first(&mut self, node: Node<'tree>, context: Context) {
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor).skip(1) {
            self.pending.push((child, context));
        }
    }

    fn slice(&self, node: Node<'_>) -> &'text str {
        self.text.get(node.byte_range()).unwrap_or("")
    }
}
