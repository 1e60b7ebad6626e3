//! What is kept: proposals of the command line as files, and everything of the service in a [`Database`].
//!
//! A file is written beside its place and moved there, so that a process killed at any instant leaves either the whole
//! proposal or none. A call of the database is one transaction. Both are readable by their owner only.

mod database;
mod error;
mod files;
mod listing;
mod store;

pub use database::{
    Approval, AuditHead, Charge, ClaimedDelivery, Database, DatabaseError, DatabaseUrl, Delivery,
    DeliveryOutcome, DeliveryState, Exceeded, Feedback, FeedbackVerdict, Held, IdempotencyKey, Job,
    JobFilter, JobHistoryEntry, JobNews, Limit, LimitScope, LimitUnit, NewJob, NewKey, NewWebhook, Notice,
    ProposalRow, QualityRow, QueueDepth, RegisteredRepository, RepositoryKind, Settlement, Spending,
    SpendingRow, StoredCheckpoint, StoredKey, Submitted, UnknownWebhookEvent, UsageRow, Webhook,
    WebhookEvent, WebhookKind,
};
pub use error::StoreError;
pub use listing::{Listing, Summary};
pub use store::ProposalStore;
