//! Whole symbols of a reply into a file: what changes, what stays, and what is kept out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use tenon_change::{Additions, SpliceError, SpliceScope, Spliced, splice};
use tenon_syntax::{Language, SourceFile};

fn try_splice(
    language: Language,
    original: &str,
    reply: &str,
    scope: &SpliceScope,
) -> Result<Spliced, SpliceError> {
    let original = SourceFile::parse(language, original).unwrap();
    let reply = SourceFile::parse(language, reply).unwrap();
    splice(&original, &reply, scope)
}

fn spliced(language: Language, original: &str, reply: &str, scope: &SpliceScope) -> Spliced {
    let first = try_splice(language, original, reply, scope).unwrap();
    // The same reply again has nothing left to do.
    match try_splice(language, &first.text, reply, scope) {
        Err(SpliceError::Unchanged { .. }) => {}
        other => panic!("not idempotent: {other:#?}\nafter:\n{}", first.text),
    }
    first
}

fn show(result: &Spliced) -> String {
    format!(
        "{}\n--- replaced {:?}\n--- added {:?}\n--- imports {:?}\n--- dropped {:#?}\n",
        result.text, result.replaced, result.added, result.imports_added, result.dropped
    )
}

macro_rules! snapshots {
    ($($name:ident: $language:ident, $scope:expr, $original:literal <- $reply:literal;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(show(&spliced(Language::$language, $original, $reply, &$scope)));
        }
    )*};
}

fn all() -> SpliceScope {
    SpliceScope::default()
}

fn wanted(names: &[&str]) -> SpliceScope {
    SpliceScope {
        wanted: names.iter().map(|name| (*name).to_owned()).collect(),
        ..SpliceScope::default()
    }
}

fn only(names: &[&str]) -> SpliceScope {
    SpliceScope {
        editable: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        ..SpliceScope::default()
    }
}

snapshots! {
    python_function_keeps_its_docstring_and_decorators: Python, all(),
"\"\"\"Shapes.\"\"\"
import math


# Areas matter.
@cache
def area(w, h):
    \"\"\"The area.

    >>> area(1, 2)
    2
    \"\"\"
    return w + h  # wrong


def other():   # odd   spacing
    return  1
" <- "
import os
from functools import lru_cache

def area(w, h):
    if w < 0:
        raise ValueError(math.inf)
    return w * h

print(area(1, 2))
assert area(2, 3) == 6
result = area(3, 4)

def test_area():
    assert area(1, 1) == 1

def main():
    print(area(1, 2))

if __name__ == \"__main__\":
    main()
";

    python_new_function_brings_helper_constant_and_imports: Python, wanted(&["slugify"]),
"from typing import List
import os

MAX = 3


def first(names: List[str]) -> str:
    return names[0]


if __name__ == \"__main__\":
    print(first([\"a\"]))
" <- "import re
from typing import List, Optional
from text import first

WORD = re.compile(r\"\\w+\")

def _words(title: Optional[str]) -> List[str]:
    return WORD.findall(title or \"\")

def slugify(title: str) -> str:
    return \"-\".join(_words(title)).lower()

example = slugify(\"A b\")
";

    python_methods_are_merged_member_by_member: Python, all(),
"class Stack:
    \"\"\"A stack.\"\"\"

    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)

    @property
    def size(self):
        return 0

    # The end.


class Other:
    pass
" <- "class Stack:
    def peek(self):
        return self.items[-1]

    def size(self):
        return len(self.items)

class Other:
    def run(self):
        return 1
";

    python_bare_method_goes_into_its_class: Python, wanted(&["Stack.pop"]),
"class Stack:
\tdef __init__(self):
\t\tself.items = []

\tdef push(self, item):
\t\tself.items.append(item)


class Queue:
\tpass
" <- "def push(self, item):
    if item is None:
        raise ValueError(\"\"\"no
    item\"\"\")
    self.items.append(item)

def pop(self):
    return self.items.pop()
";

    python_accessors_of_one_name_stay_apart: Python, all(),
"class A:
    @property
    def x(self):
        return self._x

    @x.setter
    def x(self, value):
        self._x = value
" <- "class A:
    @property
    def x(self):
        return self._x

    @x.setter
    def x(self, value):
        self._x = max(0, value)
";

    python_routes_are_statements_worth_keeping: Python, all(),
"app = Flask(__name__)
app.config[\"x\"] = 1

app.add_url_rule(\"/\", view_func=index)
" <- "def health():
    return \"ok\"

app.add_url_rule(\"/health\", view_func=health)
app.run()
";

    rust_items_keep_docs_attributes_and_visibility: Rust, wanted(&["double"]),
"//! Numbers.

/// Adds.
#[must_use]
pub fn add(a: u32, b: u32) -> u32 {
    a - b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds() {
        assert_eq!(add(1, 1), 2);
    }
}
" <- "use std::collections::HashMap;

fn add(a: u32, b: u32) -> u32 {
    let _: HashMap<u32, u32> = HashMap::new();
    a + b
}

fn double(a: u32) -> u32 {
    add(a, a)
}

fn main() {
    println!(\"{}\", add(1, 2));
}

#[cfg(test)]
mod tests {
    #[test]
    fn adds() {}
}
";

    rust_impl_blocks_are_merged: Rust, all(),
"use std::fmt;

pub struct Stack<T> {
    items: Vec<T>,
}

impl<T> Stack<T> {
    pub fn new() -> Self {
        Self { items: Vec::new() }
    }

    /// The size.
    pub fn len(&self) -> usize {
        0
    }
}

impl<T: fmt::Display> fmt::Display for Stack<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
" <- "impl<T> Stack<T> {
    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

impl<T> Default for Stack<T> {
    fn default() -> Self {
        Self::new()
    }
}
";

    javascript_module_keeps_its_exports: JavaScript, wanted(&["sum"]),
"import { a } from './a.js';

/**
 * The mean.
 */
export function mean(list) {
  return 0;
}

export const max = (list) => Math.max(...list);
" <- "const { b } = require('./a.js');
const fs = require('fs');

function mean(list) {
    if (!list.length) {
        return b;
    }
    return sum(list) / list.length;
}

function sum(list) {
    return list.reduce((x, y) => x + y, 0);
}

console.log(mean([1, 2]));
module.exports = { mean, sum };
";

    javascript_common_module_exports_what_was_asked_for: JavaScript, wanted(&["product"]),
"'use strict';

const fs = require('fs');

function sum(list) {
  return list.length;
}

module.exports = { sum };
" <- "import path from 'path';

export function product(list) {
  return path.join(...list.map(helper));
}

function helper(x) {
  return String(x);
}
";

    javascript_class_members: JavaScript, all(),
"class Cart {
  items = [];

  add(item) {
    this.items.push(item);
  }

  get size() { return 0; }
}
" <- "class Cart {
  items = [];
  limit = 10;

  get size() { return this.items.length; }

  clear() {
    this.items = [];
  }
}

const cart = new Cart();
cart.add(1);
";

    typescript_types: TypeScript, all(),
"import { A } from \"./a\";

export interface Options {
  name: string;
}

export class Service {
  constructor(private readonly options: Options) {}

  run(a: A): void {}
}
" <- "import { A, B } from \"./a\";
import type { C } from \"./c\";

interface Options {
  name: string;
  retries?: number;
}

export class Service {
  run(a: A, b: B): C {
    return a.then(b);
  }
}
";

    go_functions_and_imports: Go, all(),
"package text

import (
\t\"fmt\"
\t\"strings\"

\t\"example.com/x/log\"
)

// Upper shouts.
func Upper(s string) string {
\tfmt.Println(s)
\tlog.Print(s)
\treturn strings.ToLower(s)
}

type Stack struct{ items []int }

// Push adds.
func (s *Stack) Push(i int) {
\ts.items = append(s.items, i)
}
" <- "package text

import (
    \"errors\"
    \"os\"
    \"strings\"
)

func Upper(s string) string {
    return strings.ToUpper(s)
}

func (s *Stack) Pop() (int, error) {
    if len(s.items) == 0 {
        return 0, errors.New(\"empty\")
    }
    return s.items[0], nil
}

func main() {
    os.Exit(0)
}
";

    java_members_and_imports: Java, all(),
"package com.example;

import java.util.List;

/** A cart. */
public class Cart {
    private final List<String> items;

    public Cart(List<String> items) {
        this.items = items;
    }

    /** How many. */
    @Override
    public int size() {
        return 0;
    }
}
" <- "import java.util.List;
import java.util.Optional;
import java.util.Map;

public class Cart {
    public int size() {
        return items.size();
    }

    public Optional<String> first() {
        return items.stream().findFirst();
    }

    public static void main(String[] args) {
        System.out.println(new Cart(List.of()).size());
    }
}
";

    nothing_but_what_was_named_is_edited: Python, only(&["Shape.area", "perimeter"]),
"class Shape:
    def area(self):
        return 0

    def name(self):
        return \"shape\"


def perimeter(a):
    return a


def volume(a):
    return a
" <- "class Shape:
    def area(self):
        return 1

    def name(self):
        return \"changed\"

def perimeter(a):
    return 4 * a

def volume(a):
    return a ** 3
";
}

#[test]
fn line_ends_tabs_marks_and_missing_newlines_stay() {
    let original = "\u{feff}import os\r\n\r\n\r\ndef f(a):\r\n\tif a:\r\n\t\treturn 1\r\n\treturn 2\r\n\r\n\r\ndef g():\r\n\treturn 3";
    let reply = "import re\n\ndef f(a):\n    if re.match('x', a):\n        return 1\n    return 0\n\ndef h():\n    return 4\n";
    let result = spliced(Language::Python, original, reply, &all());
    assert_eq!(
        result.text,
        "\u{feff}import os\r\nimport re\r\n\r\n\r\ndef f(a):\r\n\tif re.match('x', a):\r\n\t\treturn 1\r\n\treturn 0\r\n\r\n\r\ndef h():\r\n\treturn 4\r\n\r\n\r\ndef g():\r\n\treturn 3"
    );
    let last = spliced(
        Language::Python,
        "def g():\n    return 3",
        "def h():\n    return 4\n",
        &all(),
    );
    assert_eq!(last.text, "def g():\n    return 3\n\n\ndef h():\n    return 4");
}

#[test]
fn an_empty_file_takes_everything_in_order() {
    let scope = SpliceScope {
        additions: Additions::Everything,
        ..SpliceScope::default()
    };
    let reply = "import re\n\nWORD = 1\n\ndef f():\n    return re.I, WORD\n\nf()\n";
    let everything = try_splice(Language::Python, "", reply, &scope).unwrap();
    assert_eq!(everything.text, reply);
    let asked = try_splice(Language::Python, "\u{feff}\r\n", reply, &all()).unwrap();
    assert_eq!(
        asked.text,
        "\u{feff}import re\r\n\r\nWORD = 1\r\n\r\ndef f():\r\n    return re.I, WORD\r\n"
    );
    assert_eq!(
        asked.dropped,
        ["`f()`: a statement on top level nobody asked for"]
    );
}

#[test]
fn imports_stay_above_what_is_added_below_them() {
    let result = spliced(
        Language::Python,
        "import os\n",
        "import re\n\ndef f():\n    return re.I\n",
        &all(),
    );
    assert_eq!(
        result.text,
        "import os\nimport re\n\n\ndef f():\n    return re.I\n"
    );
    let result = spliced(
        Language::Python,
        "\"\"\"Doc.\"\"\"\n",
        "import re\n\ndef f():\n    return re.I\n",
        &all(),
    );
    assert_eq!(
        result.text,
        "\"\"\"Doc.\"\"\"\n\nimport re\n\n\ndef f():\n    return re.I\n"
    );
}

#[test]
fn code_that_was_left_out_is_refused() {
    let original = "def f(a):\n    x = 1\n    return x + a\n";
    let reply = "def f(a):\n    # ... existing code ...\n    return a\n";
    let error = try_splice(Language::Python, original, reply, &all()).unwrap_err();
    assert!(matches!(error, SpliceError::Elided { .. }), "{error}");
    let class = "class A:\n    def f(self):\n        return 1\n\n    def g(self):\n        return 2\n";
    let part = "class A:\n    # ... existing methods ...\n    def g(self):\n        return 3\n";
    assert!(
        spliced(Language::Python, class, part, &all())
            .text
            .contains("return 1")
    );
}

#[test]
fn a_reply_that_parses_worse_is_refused() {
    let original = "function f() {\n  return 1;\n}\n";
    let error = try_splice(
        Language::JavaScript,
        original,
        "function f() {\n  return (1;\n}\n",
        &all(),
    )
    .unwrap_err();
    assert!(
        matches!(error, SpliceError::ParsesWorse { before: 0, .. }),
        "{error}"
    );
    // A file that was broken elsewhere may still be mended.
    let broken = "def a(:\n    pass\n\n\ndef b():\n    return 1\n";
    let result = try_splice(Language::Python, broken, "def b():\n    return 2\n", &all()).unwrap();
    assert!(result.text.starts_with("def a(:\n    pass\n"));
}

#[test]
fn nothing_may_be_added_where_nothing_was_to_be_added() {
    let scope = SpliceScope {
        additions: Additions::Nothing,
        ..SpliceScope::default()
    };
    let error = try_splice(Language::Python, "x = 1\n", "def f():\n    return 1\n", &scope).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the reply changes nothing: `f`: nothing is to be added"
    );
    let error = try_splice(Language::Python, "x = 1\n", "fn f() {}", &scope).unwrap_err();
    assert!(
        matches!(
            error,
            SpliceError::Unchanged { .. } | SpliceError::ParsesWorse { .. }
        ),
        "{error}"
    );
    let rust = SourceFile::parse(Language::Rust, "fn f() {}").unwrap();
    let python = SourceFile::parse(Language::Python, "").unwrap();
    assert!(matches!(
        splice(&python, &rust, &all()),
        Err(SpliceError::Language { .. })
    ));
}

#[test]
fn new_symbols_go_where_they_were_wanted() {
    let scope = SpliceScope {
        insert_near: Some("a".to_owned()),
        ..SpliceScope::default()
    };
    let original = "def a():\n    return 1\n\n\ndef b():\n    return 2\n";
    let result = spliced(Language::Python, original, "def c():\n    return 3\n", &scope);
    assert_eq!(
        result.text,
        "def a():\n    return 1\n\n\ndef c():\n    return 3\n\n\ndef b():\n    return 2\n"
    );
}
