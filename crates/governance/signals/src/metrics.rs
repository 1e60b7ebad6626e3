mod jobs;
mod memory;
mod quality;
mod requests;
mod upstreams;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

pub use requests::{RequestAnswered, Told};
pub use upstreams::{InFlight, Upstream};

/// What `/metrics` answers as `Content-Type`.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that is counted, one method per thing that happens. Clones count together.
///
/// ```
/// use tenon_domain::{CheckKind, Outcome};
/// use tenon_signals::Metrics;
///
/// let metrics = Metrics::new();
/// metrics.check_finished(CheckKind::Tests, Outcome::Failed);
/// assert!(metrics.encode().contains(r#"tenon_checks_total{check="tests",outcome="failed"} 1"#));
/// ```
#[derive(Debug, Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    registry: Registry,
    requests: requests::Requests,
    upstreams: upstreams::Upstreams,
    memory: memory::Memory,
    jobs: jobs::Jobs,
    quality: quality::Quality,
    ready: Amount,
    resident_bytes: Amount,
    descriptors: Amount,
}

type Counters<Labels> = Family<Labels, Counter>;
type Histograms<Labels> = Family<Labels, Histogram>;
type Amount = Gauge<u64, AtomicU64>;
type Number = Gauge<f64, AtomicU64>;

impl Metrics {
    /// Those of a server. Nothing has happened yet, and it is not ready.
    pub fn new() -> Self {
        Self::with_ready("tenon_ready", "1 while requests are answered")
    }

    /// Those of a worker, which answers nobody: that it is ready must not hide that no server is.
    pub fn of_worker() -> Self {
        Self::with_ready("tenon_worker_ready", "1 while jobs are taken")
    }

    fn with_ready(ready: &str, help: &str) -> Self {
        let mut registry = Registry::default();
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("tenon_build", "The version that runs", build);
        let inner = Inner {
            requests: requests::Requests::registered(&mut registry),
            upstreams: upstreams::Upstreams::registered(&mut registry),
            memory: memory::Memory::registered(&mut registry),
            jobs: jobs::Jobs::registered(&mut registry),
            quality: quality::Quality::registered(&mut registry),
            ready: registered(&mut registry, ready, help),
            resident_bytes: registered(
                &mut registry,
                "process_resident_memory_bytes",
                "Memory that the process holds",
            ),
            descriptors: registered(&mut registry, "process_open_fds", "Open file descriptors"),
            registry,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// All of it as OpenMetrics text, for [`CONTENT_TYPE`].
    pub fn encode(&self) -> String {
        let mut scrape = String::new();
        // Writing to a `String` cannot fail. If it did, the end marker would be missing and the scrape be refused.
        let _ = text::encode(&mut scrape, &self.inner.registry);
        scrape
    }

    /// Whether requests are answered, or jobs taken: not while models load, the store migrates or the process is about to
    /// stop.
    pub fn ready(&self, is_ready: bool) {
        self.inner.ready.set(u64::from(is_ready));
    }

    /// What the process holds, as `/proc/self` says.
    pub fn process(&self, resident_bytes: u64, descriptors: u64) {
        self.inner.resident_bytes.set(resident_bytes);
        self.inner.descriptors.set(descriptors);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// A metric that the registry knows. Counters get `_total` after their name when they are written.
fn registered<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn histograms<Labels>(
    registry: &mut Registry,
    name: &str,
    help: &str,
    buckets: fn() -> Histogram,
) -> Histograms<Labels>
where
    Histograms<Labels>: Metric,
    Labels: Clone + std::hash::Hash + Eq,
{
    let metric = Histograms::new_with_constructor(buckets);
    registry.register(name, help, metric.clone());
    metric
}
