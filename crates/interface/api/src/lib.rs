//! The service's own interface as data: what can be asked, who may, and how it is written. No handlers.
//!
//! [`Operation`] is the table of routes. The server has a handler for each of them or does not compile, the OpenAPI
//! document is made from them, and so are the tests that try every route with every role.

mod html;
mod openapi;
mod operation;
mod problem;
mod wire;

pub use html::page;
pub use openapi::document;
pub use operation::{Method, Operation};
pub use problem::{MEDIA_TYPE as PROBLEM_MEDIA_TYPE, Problem};
pub use wire::{
    Approval, Archive, AuditPage, AuditReport, CheckView, Delivery, DeliveryPage, Event, Failure,
    FeedbackRequest, FileView, Job, JobPage, JobRequest, Key, KeyCreated, KeyRequest, Keys, Limit,
    LimitUsage, Limits, Me, Model, Models, Prompt, Prompts, Proposal, ProposalPage, ProposalSummary, Quality,
    Queue, Repositories, Repository, RepositoryRequest, Signals, Spending, SpendingReport, User, UserRequest,
    Users, Webhook, WebhookCreated, WebhookRequest, Webhooks,
};
