use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tenon_domain::{Digest, TemplateReference};

use crate::builtin::BUILTIN;
use crate::front_matter::{FrontMatter, Requirements, VariableRule, split};
use crate::render::{MessageRole, environment};

/// A template that can be rendered.
#[derive(Debug, Clone)]
pub struct Template {
    pub(crate) matter: FrontMatter,
    pub(crate) messages: Vec<(MessageRole, String)>,
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
    #[error("there is no template `{name}`{}", hint.as_ref().map(|hint| format!("; did you mean `{hint}`?")).unwrap_or_default())]
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
        let messages = messages(body, first_line).map_err(|(line, reason)| broken(line, reason))?;
        let template = Self {
            digest: Digest::of(&text),
            messages,
            matter,
            origin,
            text: text.clone(),
        };
        for (_, message) in &template.messages {
            environment()
                .template_from_str(message)
                .map_err(|error| broken(first_line, error.to_string()))?;
        }
        Ok(template)
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

fn messages(body: &str, first_line: usize) -> Result<Vec<(MessageRole, String)>, (usize, String)> {
    let mut messages: Vec<(MessageRole, String)> = Vec::new();
    for (index, line) in body.lines().enumerate() {
        let role = match line.trim() {
            "--- system ---" => Some(MessageRole::System),
            "--- user ---" => Some(MessageRole::User),
            "--- assistant ---" => Some(MessageRole::Assistant),
            _ => None,
        };
        match (role, messages.last_mut()) {
            (Some(role), _) => messages.push((role, String::new())),
            (None, Some((_, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) if line.trim().is_empty() => {}
            (None, None) => {
                return Err((
                    first_line + index,
                    "text before the first `--- user ---` line".to_owned(),
                ));
            }
        }
    }
    if messages.is_empty() {
        return Err((
            first_line,
            "the body holds no message: begin one with a line `--- user ---`".to_owned(),
        ));
    }
    Ok(messages)
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
                let text = std::fs::read_to_string(&file).map_err(|source| LibraryError::Read {
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
            hint: self
                .templates
                .keys()
                .min_by_key(|known| strsim::damerau_levenshtein(known, name))
                .cloned(),
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
