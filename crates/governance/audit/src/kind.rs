use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Names every kind once, for both directions.
macro_rules! kinds {
    ($($(#[$documentation:meta])* $kind:ident = $text:literal,)*) => {
        /// What kind of thing happened.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind {
            $($(#[$documentation])* $kind,)*
            /// A kind that another version wrote. Never written by this one.
            Other(String),
        }

        impl EventKind {
            /// The name on the wire and in the store.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$kind => $text,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for EventKind {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$kind,)*
                    other => Self::Other(other.to_owned()),
                }
            }
        }
    };
}

kinds! {
    /// Work was accepted.
    JobSubmitted = "job.submitted",
    /// Work came to its end, with or without a proposal.
    JobFinished = "job.finished",
    /// Work was stopped by somebody.
    JobCancelled = "job.cancelled",
    /// Work was accepted, much of it at once.
    BatchSubmitted = "batch.submitted",
    /// What was left of a batch was stopped by somebody.
    BatchCancelled = "batch.cancelled",
    /// What came to nothing in a batch was begun again.
    BatchResumed = "batch.resumed",
    /// Somebody looked at a proposal.
    ProposalRead = "proposal.read",
    /// Somebody said what they think of a proposal.
    ProposalFeedback = "proposal.feedback",
    /// Somebody approved a proposal, or refused to.
    ProposalApproved = "proposal.approved",
    /// A model was asked.
    ModelCalled = "model.called",
    /// An API key was made.
    KeyCreated = "key.created",
    /// An API key was revoked.
    KeyRevoked = "key.revoked",
    /// Somebody left for the identity provider.
    LoginStarted = "login.started",
    /// Somebody came back from the identity provider and was let in.
    LoginSucceeded = "login.succeeded",
    /// Somebody was not let in.
    LoginRefused = "login.refused",
    /// Somebody ended their session.
    LoggedOut = "login.ended",
    /// A session was ended by somebody.
    SessionRevoked = "session.revoked",
    /// A user was made, changed or closed.
    UserChanged = "user.changed",
    /// Policies were read, and are in force from here on.
    PolicyLoaded = "policy.loaded",
    /// The service began.
    ServiceStarted = "service.started",
    /// The service ended as it was asked to.
    ServiceStopped = "service.stopped",
    /// A request was not allowed.
    RequestRefused = "request.refused",
    /// A request was answered.
    RequestAnswered = "request.answered",
    /// Settings, models or prompts are others from here on.
    ConfigurationChanged = "configuration.changed",
    /// The log was exported.
    AuditExported = "audit.exported",
    /// The oldest records were removed by retention.
    AuditExpired = "audit.expired",
}

impl fmt::Display for EventKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for EventKind {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.into())
    }
}

impl Serialize for EventKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EventKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::from(text.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_another_version_keeps_its_name() {
        let kind: EventKind = serde_json::from_str("\"job.praised\"").unwrap();
        assert_eq!(kind, EventKind::Other("job.praised".into()));
        assert_eq!(serde_json::to_string(&kind).unwrap(), "\"job.praised\"");
        assert_eq!("job.submitted".parse(), Ok(EventKind::JobSubmitted));
    }
}
