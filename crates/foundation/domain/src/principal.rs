use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Identifies who asks; sorts by time of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PrincipalId(Uuid);

impl PrincipalId {
    /// A new id, from the clock and the system's randomness.
    #[expect(
        clippy::new_without_default,
        reason = "a default id would be a new one each time"
    )]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for PrincipalId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl FromStr for PrincipalId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// Somebody or something that asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Its identity.
    pub id: PrincipalId,
    /// Its name, for people.
    pub name: String,
    /// A person or a program.
    pub kind: PrincipalKind,
    /// The team it belongs to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The role that it has everywhere.
    pub role: Role,
    /// Another role, more or less, in single repositories by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub repositories: BTreeMap<String, Role>,
}

impl Principal {
    /// The role that counts in `repository`, or where no repository is concerned.
    pub fn role_in(&self, repository: Option<&str>) -> Role {
        repository
            .and_then(|name| self.repositories.get(name))
            .copied()
            .unwrap_or(self.role)
    }
}

/// What kind of principal it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// A human being.
    Person,
    /// A program, for example a continuous integration system.
    ServiceAccount,
}

impl PrincipalKind {
    /// The word used on the wire and in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::ServiceAccount => "service_account",
        }
    }
}

/// What a principal may do, roughly; policies say it precisely. Ordered: later may more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Has code generated.
    Developer,
    /// Approves what others had generated.
    Reviewer,
    /// Manages repositories.
    Maintainer,
    /// Manages everything.
    Admin,
}

impl Role {
    /// Every role, the weakest first.
    pub const ALL: [Self; 5] = [
        Self::Viewer,
        Self::Developer,
        Self::Reviewer,
        Self::Maintainer,
        Self::Admin,
    ];

    /// The word used on the wire, in policies and on the screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Developer => "developer",
            Self::Reviewer => "reviewer",
            Self::Maintainer => "maintainer",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// Text that is not a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a role: expected viewer, developer, reviewer, maintainer or admin")]
pub struct RoleParseError {
    /// What was given.
    pub text: String,
}

impl FromStr for Role {
    type Err = RoleParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| RoleParseError {
                text: text.to_owned(),
            })
    }
}

/// How carefully a repository is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Classification {
    /// As any other.
    #[default]
    Normal,
    /// Rules may ask for more.
    Confidential,
}

impl Classification {
    /// The word used on the wire and in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Confidential => "confidential",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_survives_its_text_form_and_grows_in_power() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse::<Role>(), Ok(role));
            assert_eq!(
                serde_json::to_string(&role).unwrap(),
                format!("\"{}\"", role.as_str())
            );
        }
        assert!(Role::ALL.is_sorted());
    }

    #[test]
    fn a_wrong_role_is_told_the_right_ones() {
        let message = "owner".parse::<Role>().unwrap_err().to_string();
        assert!(message.starts_with("`owner` is not a role"), "{message}");
        for role in Role::ALL {
            assert!(message.contains(role.as_str()), "{message}");
        }
    }

    #[test]
    fn a_repository_may_give_more_or_less_than_the_role_elsewhere() {
        let principal = Principal {
            id: PrincipalId::new(),
            name: "ada".to_owned(),
            kind: PrincipalKind::Person,
            team: None,
            role: Role::Developer,
            repositories: [
                ("web".to_owned(), Role::Maintainer),
                ("payments".to_owned(), Role::Viewer),
            ]
            .into(),
        };
        assert_eq!(principal.role_in(None), Role::Developer);
        assert_eq!(principal.role_in(Some("other")), Role::Developer);
        assert_eq!(principal.role_in(Some("web")), Role::Maintainer);
        assert_eq!(principal.role_in(Some("payments")), Role::Viewer);
    }

    #[test]
    fn a_principal_survives_its_json_and_its_id_the_text_form() {
        let text = r#"{"id":"01890a5d-ac96-774b-bcce-b302099a8057","name":"ci","kind":"service_account","role":"developer"}"#;
        let principal: Principal = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&principal).unwrap(), text);
        assert_eq!(principal.id.to_string().parse(), Ok(principal.id));
    }
}
