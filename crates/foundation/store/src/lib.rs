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
    Acquaintance, AnsweredLine, Approval, AuditHead, Batch, BatchFilter, BatchItem, BatchLine, BatchUsage,
    Charge, ClaimedBatch, ClaimedDelivery, ClockSkew, Database, DatabaseError, DatabaseUrl, Delivery,
    DeliveryOutcome, DeliveryState, Durability, Exceeded, Feedback, FeedbackVerdict, Held, IdempotencyKey,
    Job, JobFilter, JobHistoryEntry, JobNews, Limit, LimitScope, LimitUnit, LineCounts, LineError,
    LoginAttempt, LoginGrant, ModelBatch, ModelBatchStatus, NewBatch, NewItem, NewJob, NewKey, NewSession,
    NewWebhook, Notice, ProposalRow, ProviderIdentity, QualityRow, QueueDepth, RegisteredRepository,
    RepositoryKind, Reserved, Rotated, Rotation, Settlement, Spending, SpendingRow, StoredCheckpoint,
    StoredFile, StoredKey, StoredSession, Submitted, UnknownWebhookEvent, UsageRow, Webhook, WebhookEvent,
    WebhookKind,
};
pub use error::StoreError;
pub use listing::{Listing, Summary};
pub use store::ProposalStore;
