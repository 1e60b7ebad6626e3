//! What small models write around code, and what is read out of it.

#![expect(clippy::panic, reason = "a test may fail loudly")]

use proptest::prelude::*;
use tenon_change::{choose_block, extract_blocks};
use tenon_syntax::Language;

fn chosen(reply: &str, language: Language, wanted: &str) -> String {
    let blocks = extract_blocks(reply);
    let wanted: Vec<String> = (!wanted.is_empty())
        .then(|| wanted.to_owned())
        .into_iter()
        .collect();
    choose_block(&blocks, language, &wanted)
        .unwrap_or_else(|| panic!("nothing chosen from {blocks:#?}"))
        .file
        .text()
        .to_owned()
}

const CODE: &str = "def area(w, h):\n    return w * h\n";

#[test]
fn the_usual_fence_is_read() {
    let reply = format!("Here is the code:\n\n```python\n{CODE}```\n\nIt multiplies.\n");
    assert_eq!(chosen(&reply, Language::Python, "area"), CODE);
    let blocks = extract_blocks(&reply);
    assert_eq!(blocks.len(), 1);
    assert!(blocks[0].closed);
    assert_eq!(blocks[0].language.as_deref(), Some("python"));
}

#[test]
fn odd_fences_are_read() {
    for reply in [
        format!("```\npython\n{CODE}```"),
        format!("~~~py\n{CODE}~~~\n"),
        format!("````python\n{CODE}````"),
        format!("```Python\r\n{}```\r\n", CODE.replace('\n', "\r\n")),
        format!("```python\n{CODE}"),
        format!("{CODE}```\nThis function multiplies.\n"),
        format!("{CODE}\n"),
        "1. First:\n\n   ```python\n   def area(w, h):\n       return w * h\n   ```\n".to_owned(),
        format!(
            "<|im_start|>user\nwrite area<|im_end|>\n<|im_start|>assistant\n```python\n{CODE}```<|im_end|>junk"
        ),
        format!("Sure! The function:\n\n{CODE}\nThis function multiplies w by h.\n"),
        format!("```python\n{CODE}```python\nprint(area(1, 2))\n```\n"),
    ] {
        assert_eq!(
            chosen(&reply, Language::Python, "area").trim(),
            CODE.trim(),
            "{reply}"
        );
    }
}

#[test]
fn fences_inside_docstrings_end_nothing() {
    let code = "def area(w, h):\n    \"\"\"The area.\n\n    ```python\n    area(1, 2)\n    ```\n    \"\"\"\n    return w * h\n";
    assert_eq!(
        chosen(&format!("```python\n{code}```\n"), Language::Python, "area"),
        code
    );
    assert_eq!(
        chosen(&format!("```\n{code}```\nDone.\n"), Language::Python, "area"),
        code
    );
}

#[test]
fn the_block_that_defines_the_wanted_name_is_chosen() {
    let reply = format!(
        "```bash\npip install x\n```\n```python\n{CODE}```\nTest it:\n```python\nassert area(1, 2) == 2\nassert area(3, 4) == 12\nassert area(5, 6) == 30\n```\n"
    );
    assert_eq!(chosen(&reply, Language::Python, "area"), CODE);
    // The last of two attempts of the same length.
    let twice = format!(
        "```python\n{CODE}```\nBetter:\n```python\n{}```\n",
        CODE.replace("w * h", "h * w")
    );
    assert!(chosen(&twice, Language::Python, "area").contains("h * w"));
}

#[test]
fn a_cut_off_reply_gives_its_whole_functions() {
    let reply = "```rust\nfn one() -> u8 {\n    1\n}\n\nfn two() -> u8 {\n    if true {\n        2";
    let blocks = extract_blocks(reply);
    let chosen = choose_block(&blocks, Language::Rust, &["one".to_owned()]).unwrap();
    assert!(!chosen.complete);
    assert_eq!(chosen.file.text(), "fn one() -> u8 {\n    1\n}\n");
    assert_eq!(chosen.defined, ["one"]);
}

#[test]
fn paths_are_read_from_wherever_they_stand() {
    for reply in [
        format!("```python\n# path: src/a.py\n{CODE}```"),
        format!("**src/a.py**\n\n```python\n{CODE}```"),
        format!("### `src/a.py`\n```python\n{CODE}```"),
        format!("File: src/a.py\n```\n{CODE}```"),
        format!("```python title=\"src/a.py\"\n{CODE}```"),
        format!("```python:src/a.py\n{CODE}```"),
        format!("```src/a.py\n{CODE}```"),
    ] {
        let blocks = extract_blocks(&reply);
        assert_eq!(blocks[0].path.as_deref(), Some("src/a.py"), "{reply}");
        assert_eq!(blocks[0].code, CODE, "{reply}");
    }
    let two = format!("a.py\n```python\n{CODE}```\nb.py:\n```python\n{CODE}```\n");
    let paths: Vec<_> = extract_blocks(&two)
        .into_iter()
        .map(|block| block.path.unwrap())
        .collect();
    assert_eq!(paths, ["a.py", "b.py"]);
}

#[test]
fn indented_code_and_bare_methods_are_taken() {
    assert_eq!(
        chosen(
            "```python\n    def area(w, h):\n        return w * h\n```",
            Language::Python,
            "area"
        ),
        CODE
    );
    let method = chosen(
        "```js\nadd(item) {\n  this.items.push(item);\n}\n```",
        Language::JavaScript,
        "Cart.add",
    );
    assert_eq!(
        method,
        "class Cart {\nadd(item) {\n  this.items.push(item);\n}\n\n}\n"
    );
    assert!(
        chosen(
            "```java\npublic int size() { return 1; }\n```",
            Language::Java,
            "Cart.size"
        )
        .contains("size()")
    );
}

#[test]
fn prose_is_no_code() {
    for reply in [
        "",
        "Sure",
        "I cannot do that.",
        "```\n```",
        "Use `area`.",
        "The answer is 42: yes.\n",
    ] {
        assert!(
            choose_block(&extract_blocks(reply), Language::Python, &[]).is_none(),
            "{reply:?}"
        );
    }
}

fn reply() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "```",
        "```python\n",
        "```\n",
        "~~~",
        "````",
        "\n",
        "python\n",
        "def f(x):\n",
        "    return x\n",
        "\"\"\"",
        "'''",
        "é",
        "😀",
        "\r\n",
        "# path: a.py\n",
        "**a.py**\n",
        "<|im_end|>",
        "<|im_start|>assistant",
        "{",
        "}",
        "fn f() {\n",
        "\t",
        "text. ",
        "`",
        "class A:\n",
        "\u{feff}",
        "import x\n",
        "File: b.rs\n",
        "\0",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_reply_breaks_the_reader(text in prop_oneof![reply(), any::<String>()]) {
        let blocks = extract_blocks(&text);
        prop_assert!(blocks.len() <= tenon_change::extract::MAX_BLOCKS);
        for block in &blocks {
            prop_assert!(!block.code.trim().is_empty());
            prop_assert!(!block.code.contains('\r'));
        }
        for language in [Language::Python, Language::Rust, Language::JavaScript] {
            if let Some(chosen) = choose_block(&blocks, language, &["f".to_owned()]) {
                prop_assert!(chosen.block < blocks.len());
            }
        }
    }

    #[test]
    fn code_between_prose_comes_back_as_it_was(
        body in prop::collection::vec("[a-z]{1,6} = [0-9]{1,4}", 1..6),
        before in "[A-Za-z ,.]{0,40}",
        after in "[A-Za-z ,.]{0,40}",
    ) {
        let code = format!("def solve(x):\n{}    return x\n", body.iter().map(|line| format!("    {line}\n")).collect::<String>());
        let reply = format!("{before}\n```python\n{code}```\n{after}\n");
        prop_assert_eq!(chosen(&reply, Language::Python, "solve"), code);
    }
}
