//! Undefined names in JavaScript and TypeScript.

use tenon_check::undefined_names;
use tenon_syntax::{Language, SourceFile};

fn undefined(language: Language, code: &str) -> Vec<String> {
    let file = SourceFile::parse(language, code).unwrap();
    let found = undefined_names(&file).unwrap_or_else(|| panic!("not judged: {code}"));
    found.into_iter().map(|missing| missing.name).collect()
}

#[test]
fn what_is_bound_nowhere_is_found() {
    for (code, expected) in [
        ("export function f(x) { return helper(x); }", &["helper"][..]),
        ("import a from 'a'; a.b = c;", &["c"]),
        ("'use strict'; x = 1;", &["x"]),
        ("function f() { { let y = 1; } return y; }", &["y"]),
        ("for (const i of items) {} export default i;", &["items", "i"]),
        ("class A extends Base {}", &["Base"]),
        ("const { a, b: c = d } = {}; a; c;", &["d"]),
        (
            "const o = { shorthand, [computed]: 1, plain: 2 };",
            &["shorthand", "computed"],
        ),
        ("`${missing}`;", &["missing"]),
        (
            "const e = <Missing prop={value}>text</Missing>;",
            &["Missing", "value"],
        ),
        ("export { nothing };", &["nothing"]),
    ] {
        assert_eq!(undefined(Language::JavaScript, code), expected, "{code}");
    }
}

#[test]
fn what_is_bound_somehow_is_not_reported() {
    for code in [
        "hoisted(); function hoisted() {}",
        "function f() { if (1) { var x = 1; } return x; }",
        "x = 1; console.log(x);",
        "const { a, b: { c }, ...d } = {}; const [e, , f = a] = []; a; c; d; e; f;",
        "try { } catch ({ message }) { message; }",
        "label: for (let i = 0; i < 3; i++) { continue label; }",
        "const f = function inner(n) { return n ? inner(n - 1) : 0; }; f;",
        "const C = class Named { static make() { return new Named(); } }; C;",
        "(a, { b }, [c], ...d) => a + b + c + d;",
        "async x => { for await (const y of x) y; };",
        "import d, { n as m } from 'x'; import * as all from 'y'; d; m; all;",
        "export { a as b } from './c.js'; export * from './d.js';",
        "if (typeof window2 !== 'undefined') { window2.x; }",
        "/* global injected, other: writable */ injected; other;",
        "const e = <div className=\"a\"><b.c /></div>; const b = {};",
        "function f() { return arguments.length + undefined + NaN; }",
        "module.exports = { f: require('x'), g: __dirname }; process.exit;",
        "describe('x', () => { it('y', () => expect(1).toBe(1)); });",
        "class A { #p = 1; static { this.q = 2; } get v() { return this.#p; } }",
        "switch (1) { case 1: let z = 1; z; }",
        "new HTMLButtonElement2 instanceof Object; class HTMLButtonElement2 {}",
        "document.querySelector('a'); new IntersectionObserver(() => {});",
    ] {
        assert_eq!(
            undefined(Language::JavaScript, code),
            Vec::<String>::new(),
            "{code}"
        );
    }
}

#[test]
fn types_are_not_values() {
    let code = "
        import type { T } from './t';
        interface Shape { area(): number; kind: Kind }
        type Kind = 'a' | Unknown;
        enum Colour { Red = 1, Green = Red << 1 }
        declare const injected: string;
        declare function outside(x: number): void;
        namespace Inner { export const value = 1; }
        abstract class Base<K extends T> implements Shape { constructor(private readonly x: Missing, y?: number) { y; }
            abstract area(): number; kind!: Kind; method(this: Base<T>, ...rest: K[]): asserts rest is any { rest; } }
        function over(a: string): void; function over(a: unknown) { return a as Kind; }
        const f = <U,>(u: U): u is U => <any>u satisfies U;
        export const all = [Colour.Red, injected, Inner.value, outside, over, f, Base];
        let x: typeof all; x;
    ";
    assert_eq!(undefined(Language::TypeScript, code), Vec::<String>::new());
    assert_eq!(undefined(Language::TypeScript, "const a: number = b;"), ["b"]);
}

#[test]
fn files_that_cannot_be_judged_are_left_alone() {
    for code in ["with (x) { y; }", "function ( {"] {
        let file = SourceFile::parse(Language::JavaScript, code).unwrap();
        assert_eq!(undefined_names(&file), None, "{code}");
    }
}
