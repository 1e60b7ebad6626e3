use std::fmt;
use std::path::Path;

use cedar_policy::{AuthorizationError, Decision as Verdict, PolicyId, Response};
use tenon_domain::{Digest, Principal};

use crate::policy::{Policies, SCOPE};
use crate::question::Vocabulary;
use crate::{Action, PolicyError, Resource, Scopes};

/// Decides who may do what, by policies that do not change while it lives.
pub struct Authorizer {
    policies: Policies,
    vocabulary: Vocabulary,
    cedar: cedar_policy::Authorizer,
}

/// What was decided, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may be done.
    pub allowed: bool,
    /// The names of the deciding policies in alphabetical order; `scope` when the key's scopes refuse.
    pub policies: Vec<String>,
    /// One line for people.
    pub reason: String,
}

impl Authorizer {
    /// Decides by the built-in policies alone.
    ///
    /// # Errors
    /// Never, unless what is built in is broken.
    pub fn built_in() -> Result<Self, PolicyError> {
        Self::new(None)
    }

    /// Decides by the built-in policies and every `*.cedar` file in `folder`.
    ///
    /// # Errors
    /// When the folder or a file cannot be read or holds no policies, and when a policy cannot be understood, does not
    /// fit the schema or can never apply.
    pub fn with_operator_policies(folder: &Path) -> Result<Self, PolicyError> {
        Self::new(Some(folder))
    }

    fn new(folder: Option<&Path>) -> Result<Self, PolicyError> {
        Ok(Self {
            policies: Policies::load(folder)?,
            vocabulary: Vocabulary::new()?,
            cedar: cedar_policy::Authorizer::new(),
        })
    }

    /// The digest of every policy and of the schema, for the record.
    pub fn digest(&self) -> Digest {
        self.policies.digest
    }

    /// Whether `principal`, with a key limited to `scopes`, may do `action` to `resource`.
    ///
    /// The role that counts is the one in the resource's repository. What no policy permits is refused, and so is
    /// everything when a policy cannot be evaluated.
    pub fn decide(
        &self,
        principal: &Principal,
        scopes: &Scopes,
        action: Action,
        resource: &Resource,
    ) -> Decision {
        if !scopes.allow(action, resource.repository()) {
            return out_of_scope(scopes, action, resource);
        }
        let question = self
            .vocabulary
            .ask(&self.policies.schema, principal, action, resource);
        let question = match question {
            Ok(question) => question,
            Err(reason) => return refused(Vec::new(), reason),
        };
        let response = self
            .cedar
            .is_authorized(&question.request, &self.policies.set, &question.entities);
        explain(&response, || {
            let role = principal.role_in(resource.repository());
            format!(
                "no policy permits `{action}` to the role {role}{}",
                place(resource)
            )
        })
    }
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Authorizer");
        shown
            .field("digest", &self.policies.digest)
            .finish_non_exhaustive()
    }
}

fn out_of_scope(scopes: &Scopes, action: Action, resource: &Resource) -> Decision {
    let scopes = scopes.to_texts().join(", ");
    let reason = format!(
        "the key's scopes ({scopes}) do not reach `{action}`{}",
        place(resource)
    );
    refused(vec![SCOPE.to_owned()], reason)
}

fn place(resource: &Resource) -> String {
    match resource.repository() {
        Some(name) => format!(" in the repository `{name}`"),
        None => " outside of repositories".to_owned(),
    }
}

fn explain(response: &Response, nothing_permits: impl FnOnce() -> String) -> Decision {
    let errors: Vec<_> = response.diagnostics().errors().collect();
    if !errors.is_empty() {
        // Cedar leaves such a policy out, but it may be one that forbids.
        return refused(sorted(errors.iter().map(|error| failed(error))), lines(&errors));
    }
    let policies = sorted(response.diagnostics().reason());
    match response.decision() {
        Verdict::Allow => Decision {
            allowed: true,
            reason: format!("permitted by {}", policies.join(", ")),
            policies,
        },
        Verdict::Deny if policies.is_empty() => refused(policies, nothing_permits()),
        Verdict::Deny => {
            let reason = format!("forbidden by {}", policies.join(", "));
            refused(policies, reason)
        }
    }
}

fn refused(policies: Vec<String>, reason: String) -> Decision {
    Decision {
        allowed: false,
        policies,
        reason,
    }
}

fn failed(error: &AuthorizationError) -> &PolicyId {
    match error {
        AuthorizationError::PolicyEvaluationError(error) => error.policy_id(),
    }
}

fn lines(errors: &[&AuthorizationError]) -> String {
    let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
    lines.join("; ")
}

fn sorted<'a>(policies: impl Iterator<Item = &'a PolicyId>) -> Vec<String> {
    // Their own display form escapes quotes.
    let mut names: Vec<_> = policies.map(|id| AsRef::<str>::as_ref(id).to_owned()).collect();
    names.sort();
    names
}
