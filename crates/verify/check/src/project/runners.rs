//! Which commands check a repository.

mod compiled;
mod node;
mod python;

use std::path::Path;

use tenon_domain::{CheckKind, Level};

use super::files::{FileList, read_text};
use super::{Ecosystem, OutputFormat, Runner, ToolNeed};

pub(crate) use node::is_node_test;
pub(crate) use python::is_python_test;

pub(super) fn plan(root: &Path, files: &FileList, ecosystems: &[Ecosystem]) -> Vec<Runner> {
    let reader = Reader { root, files };
    let mut runners: Vec<Runner> = Vec::new();
    for ecosystem in ecosystems {
        match ecosystem {
            Ecosystem::Python => runners.extend(reader.python()),
            Ecosystem::Rust => runners.extend(reader.rust()),
            Ecosystem::Node => runners.extend(reader.node()),
            Ecosystem::Go => runners.extend(reader.go()),
            Ecosystem::Java => runners.extend(reader.java()),
        }
    }
    runners.sort_by_key(|runner| runner.kind);
    runners
}

struct Reader<'project> {
    root: &'project Path,
    files: &'project FileList,
}

impl Reader<'_> {
    fn text(&self, path: &str) -> String {
        if self.files.contains(path) {
            read_text(self.root, path).unwrap_or_default()
        } else {
            String::new()
        }
    }
}

fn runner(
    name: &str,
    kind: CheckKind,
    command: &[&str],
    proves: Option<Level>,
    tool: ToolNeed,
    mend: &str,
    output: OutputFormat,
) -> Runner {
    Runner {
        name: name.to_owned(),
        kind,
        command: command.iter().map(|part| (*part).to_owned()).collect(),
        proves,
        tool,
        mend: mend.to_owned(),
        output,
        extensions: Vec::new(),
        fallback: None,
        optional: false,
    }
}
