//! The index over real folders: what it finds, what it leaves alone, and that it stays true to the disk.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so and stop"
)]

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use tenon_context::Index;
use tenon_domain::RepoPath;

fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let place = root.join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, text).unwrap();
    }
}

const SHOP: [(&str, &str); 8] = [
    (
        "shop/pricing.py",
        "from shop.money import round_cents\n\n\ndef apply_discount(price, percent):\n    \"\"\"Reduce a price by a percentage.\"\"\"\n    return round_cents(price * (100 - percent) / 100)\n\n\ndef shipping_cost(weight_kg, country):\n    \"\"\"Cost of sending a parcel.\"\"\"\n    return 5 + 2 * weight_kg\n",
    ),
    (
        "shop/money.py",
        "def round_cents(amount):\n    \"\"\"Round half up to whole cents.\"\"\"\n    return round(amount, 2)\n",
    ),
    (
        "shop/users.py",
        "class UserStore:\n    \"\"\"Keeps users by e-mail address.\"\"\"\n\n    def find_by_email(self, email):\n        return self.users.get(email.lower())\n\n    def deactivate(self, email):\n        self.find_by_email(email).active = False\n",
    ),
    (
        "tests/test_pricing.py",
        "from shop.pricing import apply_discount\n\n\ndef test_discount():\n    assert apply_discount(100, 10) == 90\n",
    ),
    (
        "web/cart.js",
        "// The cart.\nexport function addItem(cart, item) {\n  return { ...cart, items: [...cart.items, item] };\n}\n\nexport const cartTotal = (cart) => cart.items.reduce((sum, item) => sum + item.price, 0);\n",
    ),
    (
        "core/src/lib.rs",
        "/// Parses a header line into name and value.\npub fn parse_header(line: &str) -> Option<(&str, &str)> {\n    line.split_once(':')\n}\n",
    ),
    (
        "svc/limits.go",
        "package svc\n\n// AllowRequest reports whether a client is below its rate limit.\nfunc AllowRequest(client string, perMinute int) bool {\n\treturn true\n}\n",
    ),
    (
        "app/Report.java",
        "package app;\n\npublic class Report {\n    /** Renders the monthly summary as CSV. */\n    public String renderCsv() {\n        return \"\";\n    }\n}\n",
    ),
];

fn shop() -> (tempfile::TempDir, tempfile::TempDir) {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), &SHOP);
    (root, tempfile::tempdir().unwrap())
}

#[test]
fn wishes_lead_to_the_right_symbol() {
    let (root, cache) = shop();
    let index = Index::open(root.path(), cache.path()).unwrap();
    for (query, expected) in [
        ("the discount must never make a price negative", "apply_discount"),
        ("charge extra for parcels sent abroad", "shipping_cost"),
        (
            "round half up instead of banker's rounding of cents",
            "round_cents",
        ),
        (
            "users should be found by email ignoring spaces",
            "UserStore.find_by_email",
        ),
        ("fix deactivate for unknown users", "UserStore.deactivate"),
        (
            "adding an item twice should raise its quantity in the cart",
            "addItem",
        ),
        ("cartTotal ignores quantities", "cartTotal"),
        ("header lines may have spaces around the value", "parse_header"),
        ("requests over the rate limit are not refused", "AllowRequest"),
        ("quote fields in the CSV summary", "Report.renderCsv"),
        ("make `round_cents` reject negative amounts", "round_cents"),
        ("sending cost by weight", "shipping_cost"),
    ] {
        let ranked = index.rank_symbols(query, 3);
        assert_eq!(
            ranked.first().map(|best| best.qualified_name.as_str()),
            Some(expected),
            "{query}: {ranked:#?}"
        );
        assert!(!ranked[0].reasons.is_empty());
    }
    assert_eq!(
        index.rank_files("round prices to cents in money.py", 3)[0]
            .path
            .as_str(),
        "shop/money.py"
    );
}

#[test]
fn definitions_references_and_tests_are_found() {
    let (root, cache) = shop();
    let index = Index::open(root.path(), cache.path()).unwrap();
    let found = index.definitions_of("UserStore.find_by_email");
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].path.as_str(), found[0].line), ("shop/users.py", 4));
    let users: Vec<String> = index
        .references_to("apply_discount")
        .into_iter()
        .map(|(path, _)| path.to_string())
        .collect();
    assert_eq!(users, ["tests/test_pricing.py"]);
    assert_eq!(index.tests_for("apply_discount").len(), 1);
    let path = RepoPath::parse("shop/pricing.py").unwrap();
    let related = index.related_signatures(&path, None, 5);
    assert!(
        related.iter().any(
            |(source, text)| source.contains("shop/money.py") && text.contains("def round_cents(amount)")
        ),
        "{related:?}"
    );
}

#[test]
fn what_git_ignores_and_what_is_no_text_stays_out() {
    let (root, cache) = shop();
    write(
        root.path(),
        &[
            (".gitignore", "build/\n"),
            ("build/made.py", "def made(): pass\n"),
            ("notes.txt", "discounts\n"),
        ],
    );
    std::fs::write(root.path().join("latin.py"), b"name = '\xe9'\n").unwrap();
    std::fs::write(root.path().join("blob.py"), b"a\0b").unwrap();
    std::fs::File::create(root.path().join("huge.py"))
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    std::os::unix::fs::symlink("..", root.path().join("loop")).unwrap();
    let index = Index::open(root.path(), cache.path()).unwrap();
    let path = |text: &str| RepoPath::parse(text).unwrap();
    assert!(!index.contains(&path("build/made.py")));
    for unread in ["latin.py", "blob.py", "huge.py"] {
        assert!(
            index.contains(&path(unread)) && index.file_text(&path(unread)).is_none(),
            "{unread}"
        );
    }
    assert!(!index.search("discounts", 20).is_empty());
}

#[test]
fn an_empty_or_missing_repository_is_said() {
    let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let index = Index::open(root.path(), cache.path()).unwrap();
    assert_eq!(index.size(), (0, 0));
    assert!(index.search("anything", 5).is_empty() && index.rank_files("anything", 5).is_empty());
    assert!(
        Index::open(&root.path().join("nowhere"), cache.path())
            .unwrap_err()
            .to_string()
            .contains("nowhere")
    );
}

#[test]
fn a_broken_index_is_rebuilt() {
    let (root, cache) = shop();
    let files = Index::open(root.path(), cache.path()).unwrap().size();
    let place = std::fs::read_dir(cache.path().join("index"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    for broken in [&b""[..], b"garbage", &[1, 0, 0, 0, 9, 9, 9]] {
        std::fs::write(&place, broken).unwrap();
        let index = Index::open(root.path(), cache.path()).unwrap();
        assert_eq!((index.size(), index.reread()), (files, files.0));
    }
    let mut bytes = std::fs::read(&place).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    std::fs::write(&place, bytes).unwrap();
    assert_eq!(Index::open(root.path(), cache.path()).unwrap().reread(), files.0);
    assert_eq!(Index::open(root.path(), cache.path()).unwrap().reread(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn an_updated_index_equals_a_new_one(edits in proptest::collection::vec((0usize..5, 0usize..4, 1usize..6), 1..12)) {
        let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut files: BTreeMap<usize, String> = BTreeMap::new();
        for (file, action, size) in edits {
            let place = root.path().join(format!("m{file}.py"));
            match action {
                0 => { files.remove(&file); let _ = std::fs::remove_file(&place); }
                _ => {
                    let text: String = (0..size).map(|n| format!("def f{n}_{action}(x):\n    return g{file}(x)\n\n")).collect();
                    std::fs::write(&place, &text).unwrap();
                    files.insert(file, text);
                }
            }
            let updated = Index::open(root.path(), cache.path()).unwrap();
            let fresh_cache = tempfile::tempdir().unwrap();
            let fresh = Index::open(root.path(), fresh_cache.path()).unwrap();
            prop_assert_eq!(updated.size(), fresh.size());
            for path in fresh.paths() {
                prop_assert_eq!(updated.symbols_in(path), fresh.symbols_in(path));
            }
            prop_assert_eq!(updated.rank_symbols("f1 g2", 9), fresh.rank_symbols("f1 g2", 9));
        }
    }
}
