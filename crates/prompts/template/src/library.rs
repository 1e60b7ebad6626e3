use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use tenon_domain::{Digest, TemplateReference};

use crate::body::{self, MessageBody};
use crate::builtin::BUILTIN;
use crate::error::{did_you_mean, nearest};
use crate::front_matter::{FrontMatter, Requirements, VariableKind, VariableRule, split};
use crate::pack::CutRule;

/// A template that can be rendered.
#[derive(Debug, Clone)]
pub struct Template {
    pub(crate) matter: FrontMatter,
    pub(crate) messages: Vec<MessageBody>,
    digest: Digest,
    origin: TemplateOrigin,
    text: String,
}

/// Where a template comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateOrigin {
    /// Part of Tenon.
    Builtin,
    /// The user's own file.
    User(PathBuf),
}

/// A built-in template that a user's own takes the place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadowed {
    /// The name of both.
    pub name: String,
    /// The digest of the built-in one.
    pub builtin: Digest,
    /// The user's file.
    pub by: PathBuf,
}

/// All templates, by name.
#[derive(Debug, Clone)]
pub struct Library {
    templates: BTreeMap<String, Template>,
    shadowed: Vec<Shadowed>,
}

/// Why templates cannot be loaded or found.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// A file is not a template.
    #[error("{file}:{line}: {reason}")]
    Broken {
        /// The file.
        file: String,
        /// 1-based line.
        line: usize,
        /// Why, with the mend.
        reason: String,
    },
    /// A folder or file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no template of that name.
    #[error("there is no template `{name}`{}", did_you_mean(hint.as_deref()))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The nearest name.
        hint: Option<String>,
    },
}

impl Template {
    /// Reads a template; `name` is its place, `task/name`.
    ///
    /// # Errors
    /// When the front matter or the body is broken, with the line.
    pub fn parse(name: &str, text: &str, file: &str, origin: TemplateOrigin) -> Result<Self, LibraryError> {
        let text = text.replace("\r\n", "\n");
        let broken = |line, reason| LibraryError::Broken {
            file: file.to_owned(),
            line,
            reason,
        };
        let (matter, body, first_line) = split(&text).map_err(|(line, reason)| broken(line, reason))?;
        if matter.name != name {
            let reason = format!(
                "the name is `{}`, but the file stands at `{name}.md`: make them agree",
                matter.name
            );
            return Err(broken(2, reason));
        }
        check_rules(&matter).map_err(|(variable, reason)| broken(line_of(&text, &variable), reason))?;
        let messages =
            body::split_messages(body, first_line).map_err(|(line, reason)| broken(line, reason))?;
        let declared: BTreeSet<&str> = matter.variables.keys().map(String::as_str).collect();
        for message in &messages {
            body::check(&message.text, &declared)
                .map_err(|(line, reason)| broken(message.line + line - 1, reason))?;
        }
        body::check(&matter.prefill, &declared)
            .map_err(|(_, reason)| broken(line_of(&text, "prefill"), format!("prefill: {reason}")))?;
        Ok(Self {
            digest: Digest::of(&text),
            messages,
            matter,
            origin,
            text,
        })
    }

    /// The version that counts.
    pub fn reference(&self) -> TemplateReference {
        TemplateReference {
            name: self.matter.name.clone(),
            version: self.matter.version.clone(),
            digest: self.digest,
        }
    }

    /// One sentence for people.
    pub fn description(&self) -> &str {
        &self.matter.description
    }

    /// Where it comes from.
    pub fn origin(&self) -> &TemplateOrigin {
        &self.origin
    }

    /// The file as it is.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its variables.
    pub fn variables(&self) -> &BTreeMap<String, VariableRule> {
        &self.matter.variables
    }

    /// What a model must offer.
    pub fn requirements(&self) -> &Requirements {
        &self.matter.requires
    }

    /// The most tokens a rendered prompt may have.
    pub fn budget_tokens(&self) -> u32 {
        self.matter.budget_tokens
    }
}

/// The variable and what is wrong with its rule.
fn check_rules(matter: &FrontMatter) -> Result<(), (String, String)> {
    for (name, rule) in &matter.variables {
        let wrong = |reason: String| {
            Err((
                format!("[variables.{name}]"),
                format!("variable `{name}`: {reason}"),
            ))
        };
        if rule.kind == VariableKind::Choice && rule.options.is_empty() {
            return wrong("a choice needs `options`".to_owned());
        }
        if let Some(Err(expected)) = rule.default.as_deref().map(|default| rule.accepts(default)) {
            return wrong(format!("the default is of another type: expected {expected}"));
        }
        let for_fragments = rule.cap_tokens.is_some() || rule.cut != CutRule::Whole;
        if for_fragments && rule.kind != VariableKind::Fragments {
            return wrong("`cut` and `cap_tokens` are for variables of type `fragments`".to_owned());
        }
    }
    Ok(())
}

fn line_of(text: &str, beginning: &str) -> usize {
    text.lines()
        .position(|line| line.starts_with(beginning))
        .unwrap_or(0)
        + 1
}

impl Library {
    /// The built-in templates, and the user's own over them.
    ///
    /// # Errors
    /// When a template is broken or the user's folder cannot be read. A folder that does not exist is empty.
    pub fn load(user_folder: Option<&Path>) -> Result<Self, LibraryError> {
        let mut library = Self {
            templates: BTreeMap::new(),
            shadowed: Vec::new(),
        };
        for (name, text) in BUILTIN {
            let template =
                Template::parse(name, text, &format!("prompts/{name}.md"), TemplateOrigin::Builtin)?;
            library.templates.insert((*name).to_owned(), template);
        }
        if let Some(folder) = user_folder.filter(|folder| folder.is_dir()) {
            library.add_user_templates(folder)?;
        }
        Ok(library)
    }

    fn add_user_templates(&mut self, folder: &Path) -> Result<(), LibraryError> {
        for file in entries(folder)?.into_iter().filter(|path| path.is_file()) {
            let name = file
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if name.ends_with(".md") && name != "README.md" {
                return Err(LibraryError::Broken {
                    file: file.display().to_string(),
                    line: 1,
                    reason: "a template stands in the folder of its task, such as `generate/`".to_owned(),
                });
            }
        }
        for task in folders(folder)? {
            for file in entries(&task)? {
                let stem = file.file_stem().and_then(|stem| stem.to_str());
                let task_name = task.file_name().and_then(|name| name.to_str());
                let (Some(stem), Some(task_name), Some("md")) =
                    (stem, task_name, file.extension().and_then(|end| end.to_str()))
                else {
                    continue;
                };
                let name = format!("{task_name}/{stem}");
                let text = read_bounded(&file).map_err(|source| LibraryError::Read {
                    path: file.clone(),
                    source,
                })?;
                let template = Template::parse(
                    &name,
                    &text,
                    &file.display().to_string(),
                    TemplateOrigin::User(file.clone()),
                )?;
                if let Some(builtin) = self.templates.insert(name.clone(), template) {
                    self.shadowed.push(Shadowed {
                        name,
                        builtin: builtin.digest,
                        by: file,
                    });
                }
            }
        }
        Ok(())
    }

    /// The template of that name.
    ///
    /// # Errors
    /// When there is none, with the nearest name.
    pub fn get(&self, name: &str) -> Result<&Template, LibraryError> {
        self.templates.get(name).ok_or_else(|| LibraryError::Unknown {
            name: name.to_owned(),
            hint: nearest(name, self.templates.keys()),
        })
    }

    /// All templates, by name.
    pub fn templates(&self) -> impl Iterator<Item = (&str, &Template)> {
        self.templates
            .iter()
            .map(|(name, template)| (name.as_str(), template))
    }

    /// The built-in templates that the user's own take the place of.
    pub fn shadowed(&self) -> &[Shadowed] {
        &self.shadowed
    }
}

/// The longest template that is read, in bytes.
const MAX_TEMPLATE_BYTES: u64 = 256 * 1024;

fn read_bounded(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(file)?
        .take(MAX_TEMPLATE_BYTES + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_TEMPLATE_BYTES {
        let reason = format!("it has more than {MAX_TEMPLATE_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(text)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, LibraryError> {
    let error = |source| LibraryError::Read {
        path: folder.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(error)? {
        paths.push(entry.map_err(error)?.path());
    }
    paths.sort();
    Ok(paths)
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>, LibraryError> {
    Ok(entries(folder)?
        .into_iter()
        .filter(|path| path.is_dir())
        .collect())
}
