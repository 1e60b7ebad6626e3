use tenon_domain::Digest;

/// What happened during a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullEvent {
    /// A file of that name is there and is not the right one; it will be replaced.
    Replacing {
        /// What is wrong with it.
        reason: String,
    },
    /// A source is asked.
    SourceStarted {
        /// Its label.
        source: String,
        /// What was brought before.
        bytes_done: u64,
        /// The size of the file.
        bytes_total: u64,
    },
    /// More bytes arrived.
    Advanced {
        /// All that is there now.
        bytes_done: u64,
        /// The size of the file.
        bytes_total: u64,
    },
    /// A source broke off and is asked again for the rest.
    BrokeOff {
        /// Its label.
        source: String,
        /// Why.
        reason: String,
        /// All that is there and kept.
        bytes_done: u64,
    },
    /// A source cannot be used; the next one is asked.
    PassedOver {
        /// Its label.
        source: String,
        /// Why.
        reason: String,
    },
    /// What was there was dropped, and the source is asked from the beginning.
    Restarted {
        /// Why.
        reason: String,
    },
    /// The file is whole, right and in its place.
    Verified {
        /// Its digest.
        digest: Digest,
    },
}

/// Is told how a pull goes. Called from the pulling task: it must not block.
pub trait PullObserver: Send + Sync {
    /// Something happened.
    fn observe(&self, event: PullEvent);
}

impl<F: Fn(PullEvent) + Send + Sync> PullObserver for F {
    fn observe(&self, event: PullEvent) {
        self(event);
    }
}
