//! Collects bindings and usages, with a stack of work items instead of recursion.

use std::collections::HashSet;

use tree_sitter::Node;

#[derive(Debug)]
struct Scope<'text> {
    parent: Option<usize>,
    /// `var` and parameters bind here; blocks hand them on.
    function: bool,
    bindings: HashSet<&'text str>,
}

/// A name that is read or assigned.
#[derive(Debug)]
pub(super) struct Usage<'text> {
    pub(super) name: &'text str,
    pub(super) scope: usize,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) assigned: bool,
}

/// What an identifier in this place does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Read,
    Assign,
    /// `let`, `const`, parameters, `catch`.
    Bind,
    /// `var`: binds in the function around.
    Hoist,
}

#[derive(Debug, Clone, Copy)]
struct Context {
    scope: usize,
    role: Role,
}

impl Context {
    fn with(self, role: Role) -> Self {
        Self { role, ..self }
    }
}

#[derive(Debug)]
pub(super) struct Walker<'tree, 'text> {
    text: &'text str,
    scopes: Vec<Scope<'text>>,
    pub(super) usages: Vec<Usage<'text>>,
    /// Modules, `"use strict"` and classes make undeclared assignments an error.
    pub(super) strict: bool,
    pub(super) sloppy_globals: HashSet<&'text str>,
    /// `with` makes every name depend on data.
    pub(super) dynamic: bool,
    pending: Vec<(Node<'tree>, Context)>,
}

impl<'tree, 'text> Walker<'tree, 'text> {
    pub(super) fn new(text: &'text str) -> Self {
        let module = Scope {
            parent: None,
            function: true,
            bindings: HashSet::new(),
        };
        Self {
            text,
            scopes: vec![module],
            usages: Vec::new(),
            strict: text.contains("\"use strict\"") || text.contains("'use strict'"),
            sloppy_globals: HashSet::new(),
            dynamic: false,
            pending: Vec::new(),
        }
    }

    pub(super) fn walk(&mut self, root: Node<'tree>) {
        self.pending.push((
            root,
            Context {
                scope: 0,
                role: Role::Read,
            },
        ));
        while let Some((node, context)) = self.pending.pop() {
            self.visit(node, context);
        }
    }

    pub(super) fn resolves(&self, scope: usize, name: &str) -> bool {
        self.chain(scope).any(|found| found.bindings.contains(name))
    }

    pub(super) fn visible(&self, scope: usize) -> impl Iterator<Item = &str> {
        self.chain(scope).flat_map(|found| found.bindings.iter().copied())
    }

    fn chain(&self, scope: usize) -> impl Iterator<Item = &Scope<'text>> {
        let mut next = Some(scope);
        std::iter::from_fn(move || {
            let found = self.scopes.get(next?)?;
            next = found.parent;
            Some(found)
        })
    }

    fn visit(&mut self, node: Node<'tree>, context: Context) {
        match node.kind() {
            "identifier" | "shorthand_property_identifier" | "shorthand_property_identifier_pattern" => {
                self.identifier(node, context);
            }
            "import_statement" => {
                self.strict = true;
                self.bind_imports(node, context);
            }
            "import_alias" => self.bind_first(node, context),
            "export_statement" => {
                self.strict = true;
                if node.child_by_field_name("source").is_none() {
                    self.push_children(node, context.with(Role::Read));
                }
            }
            "export_specifier" => self.push_field(node, "name", context.with(Role::Read)),
            "variable_declaration" => self.push_children(node, context.with(Role::Hoist)),
            "lexical_declaration" | "using_declaration" => self.push_children(node, context.with(Role::Bind)),
            "variable_declarator" => {
                self.push_field(node, "name", context);
                self.push_field(node, "value", context.with(Role::Read));
            }
            "function_declaration" | "generator_function_declaration" | "function_signature" => {
                self.declare(node, context);
                if node.kind() != "function_signature" {
                    self.function(node, context, false);
                }
            }
            "function_expression" | "generator_function" | "function" => self.function(node, context, true),
            "arrow_function" | "method_definition" => self.function(node, context, false),
            "class_declaration" | "abstract_class_declaration" => {
                self.declare(node, context);
                self.class(node, context);
            }
            "class" => {
                let scope = self.open(context, false);
                self.declare(node, scope);
                self.class(node, scope);
            }
            "enum_declaration" | "interface_declaration" | "type_alias_declaration" => {
                self.declare(node, context)
            }
            "internal_module" | "module" => {
                self.declare(node, context);
                self.push_field(node, "body", context);
            }
            "ambient_declaration" => self.bind_ambient(node, context),
            "statement_block" | "switch_body" | "for_statement" | "catch_clause" => {
                let scope = self.open(context, false);
                if let Some(parameter) = node.child_by_field_name("parameter") {
                    self.push_children_except(node, "parameter", scope);
                    self.pending.push((parameter, scope.with(Role::Bind)));
                } else {
                    self.push_children(node, scope);
                }
            }
            "for_in_statement" => self.for_in(node, context),
            "assignment_expression" => {
                self.push_field(node, "left", context.with(Role::Assign));
                self.push_field(node, "right", context.with(Role::Read));
            }
            "assignment_pattern" | "object_assignment_pattern" => {
                self.push_field(node, "left", context);
                self.push_field(node, "right", context.with(Role::Read));
            }
            "pair_pattern" => {
                self.push_field(node, "key", context.with(Role::Read));
                self.push_field(node, "value", context);
            }
            "required_parameter" | "optional_parameter" => {
                self.push_field(node, "decorator", context.with(Role::Read));
                self.push_field(node, "pattern", context);
                self.push_field(node, "value", context.with(Role::Read));
            }
            "object_pattern" | "array_pattern" | "rest_pattern" => self.push_children(node, context),
            "unary_expression" => self.unary(node, context),
            "as_expression" | "satisfies_expression" => {
                if let Some(value) = node.named_child(0) {
                    self.pending.push((value, context));
                }
            }
            "type_assertion" => {
                if let Some(value) = node.named_child(1) {
                    self.pending.push((value, context));
                }
            }
            "jsx_opening_element" | "jsx_self_closing_element" => self.jsx_element(node, context),
            "with_statement" => self.dynamic = true,
            "comment"
            | "string"
            | "regex"
            | "jsx_closing_element"
            | "jsx_text"
            | "type_annotation"
            | "type_arguments"
            | "type_parameters"
            | "implements_clause"
            | "method_signature"
            | "abstract_method_signature"
            | "index_signature"
            | "type_predicate_annotation"
            | "asserts_annotation"
            | "jsx_namespace_name" => {}
            // A member or a subscript is read even where it is assigned to.
            _ => self.push_children(node, context.with(Role::Read)),
        }
    }

    fn identifier(&mut self, node: Node<'tree>, context: Context) {
        let name = self.slice(node);
        match context.role {
            Role::Bind => self.bind(context.scope, name),
            Role::Hoist => self.hoist(context.scope, name),
            Role::Read | Role::Assign => {
                let assigned = context.role == Role::Assign;
                if assigned {
                    self.sloppy_globals.insert(name);
                }
                let position = node.start_position();
                let line_start = node.start_byte().saturating_sub(position.column);
                let column = self
                    .text
                    .get(line_start..node.start_byte())
                    .map_or(0, |head| head.chars().count())
                    + 1;
                self.usages.push(Usage {
                    name,
                    scope: context.scope,
                    line: position.row + 1,
                    column,
                    assigned,
                });
            }
        }
    }

    fn bind(&mut self, scope: usize, name: &'text str) {
        if let Some(found) = self.scopes.get_mut(scope) {
            found.bindings.insert(name);
        }
    }

    fn hoist(&mut self, scope: usize, name: &'text str) {
        let mut target = scope;
        while let Some(Scope {
            function: false,
            parent: Some(parent),
            ..
        }) = self.scopes.get(target)
        {
            target = *parent;
        }
        self.bind(target, name);
    }

    fn open(&mut self, context: Context, function: bool) -> Context {
        self.scopes.push(Scope {
            parent: Some(context.scope),
            function,
            bindings: HashSet::new(),
        });
        Context {
            scope: self.scopes.len() - 1,
            role: Role::Read,
        }
    }

    /// A declared name. Functions in blocks reach the function around in sloppy code.
    fn declare(&mut self, node: Node<'tree>, context: Context) {
        if let Some(name) = node.child_by_field_name("name") {
            let head = self.slice(name).split('.').next().unwrap_or("");
            self.bind(context.scope, head);
            if node.kind().contains("function") {
                self.hoist(context.scope, head);
            }
        }
    }

    fn function(&mut self, node: Node<'tree>, context: Context, named_inside: bool) {
        let inner = self.open(context, true);
        if named_inside {
            self.declare(node, inner);
        }
        if node.kind() == "method_definition" {
            self.push_field(node, "name", context.with(Role::Read));
        }
        self.push_field(node, "parameter", inner.with(Role::Bind));
        if let Some(parameters) = node.child_by_field_name("parameters") {
            self.push_children(parameters, inner.with(Role::Bind));
        }
        self.push_field(node, "body", inner);
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            if child.kind() == "decorator" {
                self.pending.push((child, context.with(Role::Read)));
            }
        }
    }

    fn class(&mut self, node: Node<'tree>, context: Context) {
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            if !matches!(child.kind(), "identifier" | "type_identifier" | "type_parameters") {
                self.pending.push((child, context.with(Role::Read)));
            }
        }
    }

    fn for_in(&mut self, node: Node<'tree>, context: Context) {
        let scope = self.open(context, false);
        let role = match node.child_by_field_name("kind").map(|kind| self.slice(kind)) {
            None => Role::Assign,
            Some("var") => Role::Hoist,
            Some(_) => Role::Bind,
        };
        self.push_field(node, "left", scope.with(role));
        for field in ["value", "right", "body"] {
            self.push_field(node, field, scope);
        }
    }

    /// `typeof x` is how code asks whether `x` exists.
    fn unary(&mut self, node: Node<'tree>, context: Context) {
        let operator = node
            .child_by_field_name("operator")
            .map(|operator| self.slice(operator));
        let argument = node.child_by_field_name("argument");
        let asks =
            operator == Some("typeof") && argument.is_some_and(|argument| argument.kind() == "identifier");
        if asks {
            // Whoever asks first knows that it may be missing.
            if let Some(argument) = argument {
                let name = self.slice(argument);
                self.bind(0, name);
            }
        } else {
            self.push_children(node, context.with(Role::Read));
        }
    }

    fn jsx_element(&mut self, node: Node<'tree>, context: Context) {
        let read = context.with(Role::Read);
        if let Some(name) = node.child_by_field_name("name") {
            let intrinsic = name.kind() == "identifier"
                && self
                    .slice(name)
                    .starts_with(|letter: char| letter.is_ascii_lowercase());
            if !intrinsic {
                self.pending.push((name, read));
            }
        }
        self.push_children_except(node, "name", read);
    }

    fn bind_imports(&mut self, node: Node<'tree>, context: Context) {
        let mut pending = vec![node];
        while let Some(node) = pending.pop() {
            match node.kind() {
                "identifier" => self.bind(context.scope, self.slice(node)),
                "import_specifier" => {
                    let bound = node
                        .child_by_field_name("alias")
                        .or_else(|| node.child_by_field_name("name"));
                    pending.extend(bound);
                }
                "import_attribute" | "string" => {}
                _ => {
                    let mut cursor = node.walk();
                    pending.extend(node.named_children(&mut cursor));
                }
            }
        }
    }

    fn bind_first(&mut self, node: Node<'tree>, context: Context) {
        if let Some(name) = node.named_child(0) {
            self.bind(context.scope, self.slice(name));
        }
    }

    /// `declare …`: every name in it counts as bound, at module level.
    fn bind_ambient(&mut self, node: Node<'tree>, context: Context) {
        let mut pending = vec![node];
        while let Some(node) = pending.pop() {
            if matches!(node.kind(), "identifier" | "type_identifier") {
                self.bind(0, self.slice(node));
                self.bind(context.scope, self.slice(node));
            }
            let mut cursor = node.walk();
            pending.extend(node.named_children(&mut cursor));
        }
    }

    fn push_children(&mut self, node: Node<'tree>, context: Context) {
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            self.pending.push((child, context));
        }
    }

    fn push_children_except(&mut self, node: Node<'tree>, field: &str, context: Context) {
        let except = node.child_by_field_name(field);
        let mut cursor = node.walk();
        for child in node.named_children(&mut cursor) {
            if Some(child) != except {
                self.pending.push((child, context));
            }
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

    fn slice(&self, node: Node<'_>) -> &'text str {
        self.text.get(node.byte_range()).unwrap_or("")
    }
}
