/// Why a webhook cannot be used, or an event was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// Text that names nothing to send to.
    #[error(
        "`{url}` is no address to send events to: give `https://HOST/PATH` without a user name or password"
    )]
    Url {
        /// What was given, cut short.
        url: String,
    },
    /// The way is not encrypted.
    #[error(
        "`{host}` is asked without encryption: use `https://`, or have it allowed with `tenon serve --allow-webhook`"
    )]
    Insecure {
        /// The host.
        host: String,
    },
    /// The host is inside of a network. Its address is not said: whoever adds webhooks need not know it.
    #[error(
        "`{host}` is not a public address: whoever runs the server allows it with `tenon serve --allow-webhook {host}`"
    )]
    NotPublic {
        /// The host.
        host: String,
    },
    /// Text that allows nothing.
    #[error("`{text}` is neither a host nor a range of addresses: such as hooks.example.com or 10.1.0.0/16")]
    Pattern {
        /// What was given.
        text: String,
    },
    /// The name of the host leads nowhere.
    #[error("cannot find the host `{host}`: {reason}")]
    Resolve {
        /// The host.
        host: String,
        /// Why.
        reason: String,
    },
    /// Nobody answered in time.
    #[error("no answer within {seconds} s")]
    Timeout {
        /// How long it was waited.
        seconds: u64,
    },
    /// No answer came, or none that is HTTP.
    #[error("no answer: {reason}")]
    Unreachable {
        /// Why.
        reason: String,
    },
    /// The event or the secret in the database is not what it should be.
    #[error("the {what} of the delivery cannot be used")]
    Unusable {
        /// Which part.
        what: &'static str,
    },
    /// No secret could be made.
    #[error("the system gives no randomness")]
    Randomness,
}
