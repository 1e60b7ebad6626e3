use crate::tidy::Finding;
use crate::tidy::code::is_name;

/// Folders of one machine or one person; followed by a name, they mean nothing to anybody else.
const OWN_FOLDERS: &[&str] = &["/work/", "/root/", "/home/", "../shared/"];

/// Names that stand for anybody in examples.
const ANYBODY: &[&str] = &["user", "you", "somebody"];

/// No tracked text names a folder of the machine on which it was written.
pub(crate) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for folder in OWN_FOLDERS {
            if names(line, folder) {
                let message =
                    format!("a place below `{folder}` exists only on the machine where this was written");
                let mend = "name the place relative to the repository, or take it from the settings";
                findings.push(Finding::new(path, index + 1, message, mend));
            }
        }
    }
    findings
}

fn names(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(index, _)| {
        let before = line.get(..index).unwrap_or_default();
        let after = line.get(index + folder.len()..).unwrap_or_default();
        let name: String = after
            .chars()
            .take_while(|character| is_name(*character))
            .collect();
        // `…/work/` may be a folder of ours.
        let absolute =
            !before.ends_with(|character| is_name(character) || matches!(character, '.' | '}' | ')' | '>'));
        absolute && !name.is_empty() && !ANYBODY.contains(&name.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        // Spelled with a gap, so that this file passes its own rule.
        check("a", &text.replace('~', "/"))
            .iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn folders_of_one_machine_are_named() {
        assert_eq!(
            lines("see ~work~main\n`~root~.cache` ~root~x\n\"~home~ada~tenon\"\n..~shared~data"),
            [1, 2, 3, 4]
        );
    }

    #[test]
    fn folders_of_anybody_and_of_ours_are_not() {
        assert_eq!(
            lines("~home~user~x ~home~you src~work~main {folder}~work~a ~root~ ~home~{name} ~workshop~a"),
            [0; 0]
        );
    }
}
