//! The texts of all policies: where they come from, and that they fit the schema.

use std::path::Path;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use tenon_domain::Digest;

mod error;
mod folder;

pub use error::PolicyError;

const SCHEMA: (&str, &str) = (
    "schema.cedarschema",
    include_str!("../../../../policies/access/schema.cedarschema"),
);

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../../policies/access/", $name)))),*]
    };
}

const BUILT_IN: &[(&str, &str)] = &built_in![
    "administering.cedar",
    "keys.cedar",
    "maintaining.cedar",
    "reading.cedar",
    "reviewing.cedar",
    "working.cedar",
];

/// How far a policy may look: at the attributes of the principal and the resource, not at those of what they refer to,
/// because only these two are put before it.
const DEREFERENCES: u32 = 1;

/// The name under which a decision says that scopes refused. No policy may take it.
pub(crate) const SCOPE: &str = "scope";

/// Policies that fit their schema, and the digest of all of it.
pub(crate) struct Policies {
    pub(crate) schema: Schema,
    pub(crate) set: PolicySet,
    pub(crate) digest: Digest,
}

/// One file of policies.
pub(crate) struct PolicyFile {
    /// The name shown in errors.
    name: String,
    text: String,
}

impl Policies {
    /// The built-in policies, and those in `folder` after them.
    pub(crate) fn load(folder: Option<&Path>) -> Result<Self, PolicyError> {
        let built_in = BUILT_IN.iter().map(|(name, text)| PolicyFile::new(name, text));
        let mut files: Vec<_> = built_in.collect();
        if let Some(folder) = folder {
            files.extend(folder::read(folder)?);
        }
        let schema: Schema = SCHEMA.1.parse().map_err(|error| PolicyError::schema(&error))?;
        let validator = Validator::new(schema.clone());
        let mut set = PolicySet::new();
        for file in &files {
            file.add_to(&mut set, &validator)?;
        }
        let digest = digest_of(&files);
        Ok(Self { schema, set, digest })
    }
}

impl PolicyFile {
    fn new(name: &str, text: &str) -> Self {
        Self {
            name: name.to_owned(),
            text: text.to_owned(),
        }
    }

    fn add_to(&self, set: &mut PolicySet, validator: &Validator) -> Result<(), PolicyError> {
        for policy in self.parse()?.policies() {
            let id = self.name_of(policy);
            let policy = policy.new_id(PolicyId::new(&id));
            if let Some(fault) = fault_of(policy.clone(), validator) {
                return Err(PolicyError::invalid(&self.name, &self.text, fault));
            }
            if id == SCOPE || set.add(policy).is_err() {
                return Err(PolicyError::IdTaken {
                    file: self.name.clone(),
                    id,
                });
            }
        }
        Ok(())
    }

    fn parse(&self) -> Result<PolicySet, PolicyError> {
        let parsed = self.text.parse::<PolicySet>();
        let set = parsed
            .map_err(|error| PolicyError::invalid(&self.name, &self.text, DetailedError::from(&error)))?;
        if let Some(template) = set.templates().next() {
            return Err(PolicyError::Template {
                file: self.name.clone(),
                slot: template.slots().map(ToString::to_string).collect(),
            });
        }
        Ok(set)
    }

    /// What decisions call the policy: its `@id`, else its file and its place there.
    fn name_of(&self, policy: &Policy) -> String {
        match policy.annotation("id") {
            Some(id) if !id.is_empty() => id.to_owned(),
            _ => format!("{}/{}", self.name, policy.id()),
        }
    }
}

/// What does not fit the schema, can never apply, or names what only looks like something else, such as a repository with
/// a Cyrillic letter among Latin ones. Cedar only warns of the latter two, but a rule that does nothing protects nothing.
fn fault_of(policy: Policy, validator: &Validator) -> Option<DetailedError> {
    let set = match PolicySet::from_policies([policy]) {
        Ok(set) => set,
        Err(error) => return Some(DetailedError::from(&error)),
    };
    let result = validator.validate_with_level(&set, ValidationMode::Strict, DEREFERENCES);
    let error = result.validation_errors().next().map(DetailedError::from);
    error.or_else(|| result.validation_warnings().next().map(DetailedError::from))
}

/// The digest of a list of every file's digest and name, the schema first.
fn digest_of(files: &[PolicyFile]) -> Digest {
    let schema = std::iter::once(SCHEMA);
    let files = files.iter().map(|file| (&*file.name, &*file.text));
    let lines = schema
        .chain(files)
        .map(|(name, text)| format!("{} {name}\n", Digest::of(text)));
    Digest::of(lines.collect::<String>())
}
