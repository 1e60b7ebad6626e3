//! The proof that undefined names are reported only where they are undefined: Python's own library.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use tenon_check::undefined_names;
use tenon_syntax::{Language, SourceFile};

/// Files of the library that do use names nobody defines, and why. Everything else must be clean.
const TRULY_UNDEFINED: &[(&str, &str)] = &[
    (
        "distutils/tests/test_versionpredicate.py",
        "calls `unittest.main` without importing unittest",
    ),
    (
        "idlelib/idle_test/test_rpc.py",
        "pickles code whose names are never looked up",
    ),
    (
        "test/test_capi/test_eval_code_ex.py",
        "evaluates code in a namespace made for it",
    ),
    ("test/test_gettext.py", "gettext.install puts names into builtins"),
    ("test/test_keywordonlyarg.py", "expects the NameError"),
    ("test/test_raise.py", "expects the NameError"),
    ("test/test_shutil.py", "passes functions that are never called"),
    (
        "test/test_sqlite3/test_dbapi.py",
        "a test that no machine is large enough to run",
    ),
    ("test/test_with.py", "expects the NameError"),
    (
        "test/typinganndata/ann_module.py",
        "an annotation that is never evaluated",
    ),
    ("test/typinganndata/ann_module3.py", "expects the NameError"),
    ("unittest/test/test_case.py", "a method that is never called"),
    ("unittest/test/test_suite.py", "a method that is never called"),
];

fn standard_library() -> PathBuf {
    let output = Command::new("python3")
        .args(["-c", "import sysconfig; print(sysconfig.get_paths()['stdlib'])"])
        .output()
        .unwrap();
    assert!(output.status.success());
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

fn python_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !matches!(name.as_str(), "site-packages" | "dist-packages" | "__pycache__") {
            python_files(&path, found);
        } else if name.ends_with(".py") {
            found.push(path);
        }
    }
}

#[test]
fn pythons_own_library_has_no_undefined_names() {
    let library = standard_library();
    let mut files = Vec::new();
    python_files(&library, &mut files);
    let mut judged = 0;
    let mut wrong: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in files {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        // The names of a package include its submodules, which its text does not show.
        if path.ends_with("__init__.py") && text.contains("__all__") {
            continue;
        }
        let file = SourceFile::parse(Language::Python, text).unwrap();
        let Some(undefined) = undefined_names(&file) else {
            continue;
        };
        judged += 1;
        let relative = path
            .strip_prefix(&library)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let excused = TRULY_UNDEFINED.iter().any(|(path, _)| relative.ends_with(path));
        if !undefined.is_empty() && !excused {
            let names = undefined
                .iter()
                .map(|missing| format!("{}:{}", missing.line, missing.name));
            wrong.insert(relative, names.collect());
        }
    }
    assert!(judged >= 300, "only {judged} files could be judged");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn undefined(code: &str) -> Vec<String> {
    let file = SourceFile::parse(Language::Python, code).unwrap();
    let found = undefined_names(&file).unwrap_or_else(|| panic!("not judged: {code}"));
    found.into_iter().map(|missing| missing.name).collect()
}

#[test]
fn what_is_bound_nowhere_is_found() {
    for (code, expected) in [
        ("def f(x):\n    return math.sqrt(x)\n", &["math"][..]),
        (
            "def f(x: List[int]) -> Optional[int]:\n    return x\n",
            &["List", "Optional"],
        ),
        ("def f():\n    return [y for x in range(3)]\n", &["y"]),
        ("print(x for x in y)\n", &["y"]),
        ("[x for x in range(3)]\nprint(x)\n", &["x"]),
        (
            "class A:\n    size = 1\n    def f(self):\n        return size\n",
            &["size"],
        ),
        (
            "class A:\n    xs = [1]\n    ys = [x + size for x in xs]\n    size = 2\n",
            &["size"],
        ),
        (
            "def f():\n    def g():\n        local = 1\n    return local\n",
            &["local"],
        ),
        ("@decorate\ndef f(): pass\n", &["decorate"]),
        ("class A(Base): pass\n", &["Base"]),
        ("def f(x=default): pass\n", &["default"]),
        ("match v:\n    case Point(x=a): print(a)\n", &["v", "Point"]),
        ("f'{missing!r:>{width}}'\n", &["missing", "width"]),
        ("lambda a: a + b\n", &["b"]),
        ("__all__ = ['f', 'g']\ndef f(): pass\n", &["g"]),
        ("try:\n    reduce\nexcept ValueError:\n    pass\n", &["reduce"]),
        ("x: Missing = 1\n", &["Missing"]),
        ("with open('f') as f, lock: pass\n", &["lock"]),
        ("del nothing_here\nprint(other)\n", &["other"]),
    ] {
        let mut found = undefined(code);
        found.sort();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{code}");
    }
}

#[test]
fn what_is_bound_somehow_is_not_reported() {
    for code in [
        "import os.path as p, sys\nprint(p, sys)\n",
        "import os.path\nprint(os)\n",
        "from a import b as c, d\nc, d\n",
        "def f(a, /, b, *args, c=1, **kwargs):\n    return a, b, args, c, kwargs\n",
        "for i, (j, *k) in []: print(i, j, k)\n",
        "with open('x') as (a, b): print(a, b)\n",
        "try: pass\nexcept (OSError, ValueError) as error: print(error)\n",
        "try: pass\nexcept* OSError as group: print(group)\n",
        "if (n := 10) > 5: print(n)\n",
        "print([last := x for x in range(3)], last)\n",
        "def f():\n    global g\n    g = 1\nprint(g)\n",
        "def f():\n    x = 1\n    def h():\n        nonlocal x\n        x += 1\n    return h\n",
        "match v():\n    case [a, *b] if a: print(b)\n    case {'k': c, **d}: print(c, d)\n    case int() as e: print(e)\n    case f | f: print(f)\ndef v(): pass\n",
        "class A:\n    x = 1\n    y = x\n    def f(self): return __class__\n",
        "class A:\n    xs = [1]\n    ys = [x for x in xs]\n",
        "try:\n    unicode\nexcept NameError:\n    unicode = str\n",
        "def f(x: 'Later') -> 'Later': pass\n",
        "type Alias[T] = list[T]\ndef f[T: int](x: T) -> T: return x\nclass B[U]:\n    def m(self, u: U) -> Alias: pass\n",
        "x = 1\nclass A:\n    x = x\n",
        "print(__name__, __file__, __doc__, WindowsError)\n",
        "import typing as t\ndef f(x: t.List[int]): x.anything = t\n",
        "f = lambda *a, **k: (a, k)\n",
        "print({k: v for k, v in {}.items()}, {s for s in ''}, (g for g in ''))\n",
        "[(x, y) for x in range(3) for y in range(x)]\n",
        "async def f():\n    async with a() as b:\n        async for c in b: print(c)\n        return [d async for d in b]\ndef a(): pass\n",
        "def f():\n    import json\n    return json\n",
        "for x in []: pass\nelse: y = 1\nprint(x, y)\n",
        "while True:\n    z = 1\n    break\nprint(z)\n",
        "f(key=1)\ndef f(key): pass\n",
        "x = y = 0\nx, y = y, x\n",
        "a = b = c = 1\nprint(a, b, c)\n",
    ] {
        assert_eq!(undefined(code), Vec::<String>::new(), "{code}");
    }
}

#[test]
fn files_that_make_names_out_of_data_are_left_alone() {
    for code in [
        "from os import *\nprint(getcwd())\n",
        "globals()['x'] = 1\nprint(x)\n",
        "exec('x = 1')\nprint(x)\n",
        "def broken(:\n    return nothing\n",
    ] {
        let file = SourceFile::parse(Language::Python, code).unwrap();
        assert_eq!(undefined_names(&file), None, "{code}");
    }
}

#[test]
fn hostile_nesting_ends() {
    let code = format!("x = {}1{}\n", "(".repeat(20_000), ")".repeat(20_000));
    let file = SourceFile::parse(Language::Python, code).unwrap();
    let _ = undefined_names(&file);
    let code = format!("x = {}y\n", "y + ".repeat(20_000));
    let file = SourceFile::parse(Language::Python, code).unwrap();
    assert_eq!(undefined_names(&file).unwrap().len(), 20_001);
}
