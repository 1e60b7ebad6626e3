//! Who approved which proposal.

use tenon_domain::{PrincipalId, ProposalId};

use super::session::values;
use super::{Database, DatabaseError};

/// An approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The name of who approved.
    pub principal: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

impl Database {
    /// Keeps an approval; whether it is new.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn approve(
        &self,
        proposal: ProposalId,
        principal: PrincipalId,
        now_ms: i64,
    ) -> Result<bool, DatabaseError> {
        let mut session = self.write().await?;
        let kept = session
            .run(
                "INSERT INTO approvals (proposal, principal, created_at) VALUES ($1, $2, $3) \
                 ON CONFLICT (proposal, principal) DO NOTHING",
                values![proposal.to_string(), principal.to_string(), now_ms],
            )
            .await?;
        session.commit().await?;
        Ok(kept > 0)
    }

    /// Who approved a proposal, the first one first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn approvals(&self, proposal: ProposalId) -> Result<Vec<Approval>, DatabaseError> {
        let mut session = self.read().await?;
        let rows = session
            .all(
                "SELECT p.name AS principal, a.created_at FROM approvals a JOIN principals p ON p.id = a.principal \
                 WHERE a.proposal = $1 ORDER BY a.created_at, p.name",
                values![proposal.to_string()],
            )
            .await?;
        let approvals = rows.iter().map(|row| {
            Ok(Approval {
                principal: row.text("principal")?,
                at_ms: row.integer("created_at")?,
            })
        });
        approvals.collect()
    }
}
