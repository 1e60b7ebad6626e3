use tenon_domain::Role;

use crate::{Identity, Vouching};

/// Who is let in, and as what.
#[derive(Debug, Clone)]
pub struct Admission {
    /// What follows the `@` in their addresses, in lower case; empty: everybody.
    pub allowed_domains: Vec<String>,
    /// The role that a group gives; empty: groups say nothing.
    pub roles: Vec<(String, Role)>,
    /// The role of somebody whose groups give none.
    pub default_role: Role,
    /// Whether somebody who is no user yet becomes one.
    pub create_users: bool,
}

/// How somebody stands with the service before they are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They came by this identity before, and have this role.
    Known(Role),
    /// A user of their name has this role and no identity at this provider.
    Named(Role),
    /// A user has their name, and cannot be them: they have another identity, or are no person.
    Taken,
    /// Nobody has their name.
    Unknown,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Their address is elsewhere, or not verified.
    #[error("only verified addresses of certain domains are let in")]
    Domain,
    /// They are no user, and nobody becomes one by signing in.
    #[error("`{name}` is no user here: an administrator adds them with `tenon user add`")]
    Unknown {
        /// What they are called.
        name: String,
    },
    /// Somebody else has the name.
    #[error("the name `{name}` is another's here")]
    Taken {
        /// What they are called.
        name: String,
    },
    /// They may have chosen the name of somebody.
    #[error(
        "there is a user `{name}`, and the provider does not vouch for this name: name the claim with `oidc.user_claim` if it can be trusted"
    )]
    Unvouched {
        /// What they are called.
        name: String,
    },
}

impl Admission {
    /// The role that somebody has from now on.
    ///
    /// # Errors
    /// Why they are not let in.
    pub fn decide(&self, identity: &Identity, standing: Standing) -> Result<Role, Denied> {
        if !self.allows(identity.email.as_deref()) {
            return Err(Denied::Domain);
        }
        let name = || identity.name.clone();
        match standing {
            Standing::Known(role) => Ok(self.role(identity).unwrap_or(role)),
            Standing::Named(role) if identity.vouching == Vouching::Vouched => {
                Ok(self.role(identity).unwrap_or(role))
            }
            Standing::Named(_) => Err(Denied::Unvouched { name: name() }),
            Standing::Taken => Err(Denied::Taken { name: name() }),
            Standing::Unknown if self.create_users => Ok(self.role(identity).unwrap_or(self.default_role)),
            Standing::Unknown => Err(Denied::Unknown { name: name() }),
        }
    }

    fn allows(&self, email: Option<&str>) -> bool {
        let domain = email
            .and_then(|email| email.rsplit_once('@'))
            .map(|(_, domain)| domain.to_lowercase());
        self.allowed_domains.is_empty() || domain.is_some_and(|domain| self.allowed_domains.contains(&domain))
    }

    /// The strongest role of the groups; `None` where groups say nothing at all.
    fn role(&self, identity: &Identity) -> Option<Role> {
        if self.roles.is_empty() {
            return None;
        }
        let given = self
            .roles
            .iter()
            .filter(|(group, _)| identity.groups.contains(group));
        Some(given.map(|(_, role)| *role).max().unwrap_or(self.default_role))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(email: Option<&str>, groups: &[&str], vouching: Vouching) -> Identity {
        Identity {
            issuer: "https://id.example".to_owned(),
            subject: "1".to_owned(),
            name: "ada".to_owned(),
            vouching,
            email: email.map(str::to_owned),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        }
    }

    fn admission() -> Admission {
        Admission {
            allowed_domains: Vec::new(),
            roles: Vec::new(),
            default_role: Role::Viewer,
            create_users: true,
        }
    }

    #[test]
    fn only_who_is_who_they_say_comes_in() {
        let (admission, closed) = (
            admission(),
            Admission {
                create_users: false,
                ..admission()
            },
        );
        let (vouched, claimed) = (
            identity(None, &[], Vouching::Vouched),
            identity(None, &[], Vouching::Claimed),
        );
        let known = Standing::Known(Role::Admin);
        assert_eq!(closed.decide(&claimed, known), Ok(Role::Admin));
        let named = Standing::Named(Role::Reviewer);
        assert_eq!(closed.decide(&vouched, named), Ok(Role::Reviewer));
        let name = || "ada".to_owned();
        assert_eq!(
            admission.decide(&claimed, named),
            Err(Denied::Unvouched { name: name() })
        );
        assert_eq!(
            admission.decide(&vouched, Standing::Taken),
            Err(Denied::Taken { name: name() })
        );
        assert_eq!(admission.decide(&claimed, Standing::Unknown), Ok(Role::Viewer));
        assert_eq!(
            closed.decide(&vouched, Standing::Unknown),
            Err(Denied::Unknown { name: name() })
        );
    }

    #[test]
    fn domains_are_those_of_verified_addresses() {
        let admission = Admission {
            allowed_domains: vec!["a.example".to_owned()],
            ..admission()
        };
        for (email, is_let_in) in [
            (Some("ada@A.example"), true),
            (Some("ada@b.a.example"), false),
            (Some("ada@a.example.org"), false),
            (Some("a.example"), false),
            (Some("x@a.example@evil.example"), false),
            (None, false),
        ] {
            let decided = admission.decide(&identity(email, &[], Vouching::Vouched), Standing::Unknown);
            assert_eq!(decided.is_ok(), is_let_in, "{email:?}");
        }
    }

    #[test]
    fn the_strongest_group_counts_at_every_sign_in() {
        let admission = Admission {
            roles: vec![
                ("dev".to_owned(), Role::Developer),
                ("ops".to_owned(), Role::Maintainer),
            ],
            ..admission()
        };
        let decided = |groups: &[&str], standing| {
            admission.decide(&identity(None, groups, Vouching::Vouched), standing)
        };
        assert_eq!(decided(&["ops", "dev"], Standing::Unknown), Ok(Role::Maintainer));
        assert_eq!(
            decided(&["dev"], Standing::Known(Role::Admin)),
            Ok(Role::Developer)
        );
        assert_eq!(decided(&["else"], Standing::Known(Role::Admin)), Ok(Role::Viewer));
    }
}
