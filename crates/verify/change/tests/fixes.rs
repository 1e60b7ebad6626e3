//! Deterministic fixes: imports that were forgotten.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use tenon_change::add_missing_imports;
use tenon_syntax::{Language, SourceFile};

fn fixed(language: Language, text: &str, undefined: &[&str]) -> Option<String> {
    let file = SourceFile::parse(language, text).unwrap();
    add_missing_imports(&file, undefined)
}

#[test]
fn forgotten_imports_are_added_where_imports_go() {
    assert_eq!(
        fixed(
            Language::Python,
            "from typing import List\n\n\ndef f(a: List[Dict]) -> Optional[int]:\n    return math.pi + len(deque())\n",
            &["Dict", "Optional", "math", "deque", "unknown"],
        )
        .unwrap(),
        "from typing import List, Dict, Optional\nimport math\nfrom collections import deque\n\n\ndef f(a: List[Dict]) -> Optional[int]:\n    return math.pi + len(deque())\n"
    );
    assert_eq!(
        fixed(
            Language::Rust,
            "fn f() -> HashMap<u8, HashSet<u8>> {\n    todo()\n}\n",
            &["HashMap", "HashSet"]
        )
        .unwrap(),
        "use std::collections::{HashMap, HashSet};\n\nfn f() -> HashMap<u8, HashSet<u8>> {\n    todo()\n}\n"
    );
    assert_eq!(
        fixed(
            Language::Go,
            "package a\n\nfunc f() string {\n\treturn strings.ToUpper(\"a\")\n}\n",
            &["strings"]
        )
        .unwrap(),
        "package a\n\nimport \"strings\"\n\nfunc f() string {\n\treturn strings.ToUpper(\"a\")\n}\n"
    );
    assert_eq!(
        fixed(
            Language::Java,
            "package a;\n\nclass A {\n    List<Map<String, String>> x;\n}\n",
            &["List", "Map"]
        )
        .unwrap(),
        "package a;\n\nimport java.util.List;\nimport java.util.Map;\n\nclass A {\n    List<Map<String, String>> x;\n}\n"
    );
}

#[test]
fn how_a_name_is_used_tells_what_it_is() {
    assert!(
        fixed(Language::Python, "x = datetime.now()\n", &["datetime"])
            .unwrap()
            .starts_with("from datetime import datetime\n")
    );
    assert!(
        fixed(Language::Python, "x = datetime.datetime.now()\n", &["datetime"])
            .unwrap()
            .starts_with("import datetime\n")
    );
    assert!(
        fixed(Language::Python, "x = copy(y)\n", &["copy"])
            .unwrap()
            .starts_with("from copy import copy\n")
    );
    assert!(
        fixed(Language::Python, "x = np.zeros(3)\n", &["np"])
            .unwrap()
            .starts_with("import numpy as np\n")
    );
}

#[test]
fn what_nobody_knows_is_left_alone() {
    assert_eq!(
        fixed(Language::Python, "x = frobnicate()\n", &["frobnicate"]),
        None
    );
    assert_eq!(
        fixed(Language::JavaScript, "fs.readFileSync(a);\n", &["fs"]),
        None
    );
    assert_eq!(fixed(Language::Python, "x = 1\n", &[]), None);
}
