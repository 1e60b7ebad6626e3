use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How much a request matters when there is too much to do. Ordered: what comes first is served first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Criticality {
    /// Somebody waits at a keyboard.
    Critical,
    /// Somebody waits.
    Standard,
    /// Nobody waits; the first to be turned away.
    Sheddable,
}

impl Criticality {
    /// Every class, the most important first.
    pub const ALL: [Self; 3] = [Self::Critical, Self::Standard, Self::Sheddable];

    /// The name in records, metrics and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Standard => "standard",
            Self::Sheddable => "sheddable",
        }
    }
}

impl fmt::Display for Criticality {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// A word that is no criticality.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no criticality: critical, standard and sheddable are")]
pub struct UnknownCriticality(String);

impl FromStr for Criticality {
    type Err = UnknownCriticality;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|criticality| criticality.as_str() == text)
            .ok_or_else(|| UnknownCriticality(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_one_name_everywhere() {
        for criticality in Criticality::ALL {
            let json = serde_json::to_string(&criticality).unwrap();
            assert_eq!(json, format!("\"{criticality}\""));
            assert_eq!(serde_json::from_str::<Criticality>(&json).unwrap(), criticality);
            assert_eq!(criticality.as_str().parse(), Ok(criticality));
        }
        assert!("urgent".parse::<Criticality>().is_err());
    }

    #[test]
    fn what_is_critical_is_served_first() {
        let mut waiting = [
            Criticality::Sheddable,
            Criticality::Critical,
            Criticality::Standard,
        ];
        waiting.sort();
        assert_eq!(waiting, Criticality::ALL);
    }
}
