use tenon_template::{Library, Template, TemplateOrigin};

use crate::tidy::Finding;
use crate::tidy::files::RepositoryFiles;

/// Every file below `prompts/` is a template that loads, and is built in.
pub(crate) fn check(files: &RepositoryFiles) -> Vec<Finding> {
    let builtin: Vec<String> = match Library::load(None) {
        Ok(library) => library.templates().map(|(name, _)| name.to_owned()).collect(),
        Err(error) => return vec![broken("prompts", &error.to_string())],
    };
    let mut findings = Vec::new();
    for path in files
        .paths()
        .filter(|path| path.starts_with("prompts/") && path.ends_with(".md"))
    {
        match files.text(path) {
            Ok(text) => findings.extend(check_template(path, &text, &builtin)),
            Err(error) => findings.push(broken(path, &error)),
        }
    }
    findings
}

fn check_template(path: &str, text: &str, builtin: &[String]) -> Option<Finding> {
    let name = path.trim_start_matches("prompts/").trim_end_matches(".md");
    if let Err(error) = Template::parse(name, text, path, TemplateOrigin::Builtin) {
        return Some(broken(path, &error.to_string()));
    }
    if builtin.iter().any(|known| known == name) {
        return None;
    }
    let mend = "add it to the list in crates/prompts/template/src/builtin.rs, or delete it";
    Some(Finding::new(path, 0, "the template is not built in", mend))
}

fn broken(path: &str, reason: &str) -> Finding {
    Finding::new(path, 0, "the template does not load", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "+++\nname = \"a/b\"\nversion = \"1\"\ndescription = \"d\"\nbudget_tokens = 100\n+++\n--- user ---\nx\n";

    #[test]
    fn a_template_that_is_not_built_in_or_does_not_load_is_named() {
        assert_eq!(check_template("prompts/a/b.md", TEXT, &["a/b".to_owned()]), None);
        let finding = check_template("prompts/a/b.md", TEXT, &[]).unwrap();
        assert!(
            finding
                .to_string()
                .starts_with("prompts/a/b.md: the template is not built in"),
            "{finding}"
        );
        let finding = check_template("prompts/a/b.md", "no front matter", &["a/b".to_owned()]).unwrap();
        assert!(finding.to_string().contains("prompts/a/b.md:1: "), "{finding}");
    }
}
