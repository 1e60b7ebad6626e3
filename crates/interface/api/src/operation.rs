use tenon_access::Action;

/// How a route is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes, or has something done.
    Post,
    /// Puts in the place of what was there.
    Put,
    /// Removes.
    Delete,
}

impl Method {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

macro_rules! operations {
    ($($(#[$documentation:meta])* $name:ident = $method:ident $path:literal $action:ident $summary:literal
        [$($request:ident)?] [$status:literal $($answer:ident)?];)*) => {
        /// Something that can be asked under `/api/v1`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Operation {
            $($(#[$documentation])* #[doc = $summary] $name,)*
        }

        impl Operation {
            /// Every operation.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name in the OpenAPI document.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// How it is asked.
            pub fn method(self) -> Method {
                match self { $(Self::$name => Method::$method,)* }
            }

            /// Where, with `{names}` for what varies.
            pub fn path(self) -> &'static str {
                match self { $(Self::$name => $path,)* }
            }

            /// What the caller must be permitted to do.
            pub fn action(self) -> Action {
                match self { $(Self::$name => Action::$action,)* }
            }

            /// What it does, in one line.
            pub fn summary(self) -> &'static str {
                match self { $(Self::$name => $summary,)* }
            }

            /// The name of the type of its body, if it takes one.
            pub fn request(self) -> Option<&'static str> {
                match self { $(Self::$name => operations!(@name $($request)?),)* }
            }

            /// The status of its success.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The name of the type of its answer, if that is one JSON value.
            pub fn answer(self) -> Option<&'static str> {
                match self { $(Self::$name => operations!(@name $($answer)?),)* }
            }
        }
    };
    (@name) => { None };
    (@name $name:ident) => { Some(stringify!($name)) };
}

operations! {
    ReadMe = Get "/api/v1/me" ServiceRead "Who the key speaks for, and what it may do." [] [200 Me];

    SubmitJob = Post "/api/v1/jobs" JobsCreate "Submit a job." [JobRequest] [202 Job];
    ListJobs = Get "/api/v1/jobs" JobsRead "List jobs, newest first." [] [200 JobPage];
    ReadJob = Get "/api/v1/jobs/{id}" JobsRead "Read a job." [] [200 Job];
    WatchJob = Get "/api/v1/jobs/{id}/events" JobsRead "Watch a job: its events as they happen, from the one after `Last-Event-ID`." [] [200];
    CancelJob = Post "/api/v1/jobs/{id}/cancel" JobsCancel "Cancel a job." [] [202 Job];
    RetryJob = Post "/api/v1/jobs/{id}/retry" JobsRetry "Try a job again that failed or was cancelled." [] [202 Job];

    ListProposals = Get "/api/v1/proposals" ProposalsRead "List proposals, newest first." [] [200 ProposalPage];
    ReadProposal = Get "/api/v1/proposals/{id}" ProposalsRead "Read a proposal: the change, the evidence, where it came from." [] [200 Proposal];
    ReadDiff = Get "/api/v1/proposals/{id}/diff" ProposalsRead "Read the change of a proposal as a unified diff." [] [200];
    ReadRecord = Get "/api/v1/proposals/{id}/record" ProposalsRead "Read a proposal whole, with every prompt and sample: what `tenon apply` and `tenon replay` need." [] [200 Record];
    GiveFeedback = Post "/api/v1/proposals/{id}/feedback" ProposalsFeedback "Say what became of a proposal." [FeedbackRequest] [204];
    ApproveProposal = Post "/api/v1/proposals/{id}/approval" ProposalsApprove "Approve a proposal that somebody else asked for." [] [204];

    ListRepositories = Get "/api/v1/repositories" RepositoriesRead "List the repositories." [] [200 Repositories];
    AddRepository = Post "/api/v1/repositories" RepositoriesManage "Register a repository." [RepositoryRequest] [201 Repository];
    UploadArchive = Put "/api/v1/repositories/{name}/archive" RepositoriesManage "Take a tar file, compressed with gzip or not, as the tree of a repository of kind `archive`; 64 MiB at most." [] [200 Archive];
    RemoveRepository = Delete "/api/v1/repositories/{name}" RepositoriesManage "Forget a repository. What was made for it stays." [] [204];

    ListPrompts = Get "/api/v1/prompts" PromptsRead "List the prompt templates with the digests of their versions." [] [200 Prompts];
    ListModels = Get "/api/v1/models" ModelsRead "List the models, weakest first." [] [200 Models];

    ListUsers = Get "/api/v1/users" UsersRead "List people and service accounts." [] [200 Users];
    AddUser = Post "/api/v1/users" UsersManage "Add a person or a service account." [UserRequest] [201 User];
    ChangeUser = Put "/api/v1/users/{name}" UsersManage "Change the team and the roles of a person or a service account." [UserRequest] [200 User];

    ListKeys = Get "/api/v1/keys" KeysRead "List keys, never their secrets: one's own, or those of `?user=NAME`." [] [200 Keys];
    CreateKey = Post "/api/v1/keys" KeysManage "Make a key. It is shown this once." [KeyRequest] [201 KeyCreated];
    RevokeKey = Delete "/api/v1/keys/{id}" KeysManage "Revoke a key, at once." [] [204];

    ReadSpending = Get "/api/v1/spending" LimitsManage "What models read and wrote, and what it cost, by day, user, door and model, over `?days=`." [] [200 SpendingReport];
    ListLimits = Get "/api/v1/limits" LimitsManage "List what is limited." [] [200 Limits];
    SetLimit = Put "/api/v1/limits" LimitsManage "Set a limit, in place of the one of the same scope, unit and window." [Limit] [200 Limit];
    LiftLimit = Delete "/api/v1/limits" LimitsManage "Lift the limit of `?scope=&unit=&window_seconds=`." [] [204];

    ListWebhooks = Get "/api/v1/webhooks" WebhooksManage "List the webhooks, never their secrets." [] [200 Webhooks];
    AddWebhook = Post "/api/v1/webhooks" WebhooksManage "Add a webhook. Its secret is shown this once." [WebhookRequest] [201 WebhookCreated];
    RemoveWebhook = Delete "/api/v1/webhooks/{id}" WebhooksManage "Remove a webhook, and what was to be sent to it." [] [204];
    EnableWebhook = Post "/api/v1/webhooks/{id}/enable" WebhooksManage "Send to a webhook again that was disabled." [] [200 Webhook];
    RotateWebhook = Post "/api/v1/webhooks/{id}/rotate" WebhooksManage "Give a webhook a new secret, shown this once. For 24 hours the old one signs, too." [] [200 WebhookCreated];
    ListDeliveries = Get "/api/v1/webhooks/deliveries" WebhooksManage "List deliveries, newest first: of all webhooks, or of `?webhook=ID`." [] [200 DeliveryPage];
    ReplayDelivery = Post "/api/v1/webhooks/deliveries/{id}/replay" WebhooksManage "Send an event again, under the same id." [] [202 Delivery];

    ReadAudit = Get "/api/v1/audit" AuditRead "Read the audit log, newest first." [] [200 AuditPage];
    VerifyAudit = Get "/api/v1/audit/verify" AuditRead "Verify the whole audit log." [] [200 AuditReport];
    ExportAudit = Get "/api/v1/audit/export" AuditRead "Export the audit log with its checkpoints, a JSON object a line." [] [200];

    ReadSignals = Get "/api/v1/signals" SignalsRead "Quality by task, model and template, and the queue, over `?window_seconds=`." [] [200 Signals];
}
