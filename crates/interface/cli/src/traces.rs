//! Sends spans to a collector, by OTLP over HTTP: only where one is configured, and never at the expense of the service.
//!
//! ```text
//! span of `tracing` ─▶ layer ─▶ queue, bounded ─▶ a thread of its own ─▶ batches ─▶ collector
//!                                └─ full: dropped           └─ one that fails is dropped; that is said once
//! ```

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter, SpanLimits,
};
use prost::Message as _;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Url};
use tenon_config::Settings;
use tenon_traces::{Carrier, Traceparent};
use tokio::runtime::Handle;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::{composition, log, service_composition};

/// Spans that wait; more are dropped.
const QUEUE: usize = 4096;
const BATCH: usize = 512;
const BETWEEN_BATCHES: Duration = Duration::from_secs(2);
/// Nobody waits longer for a collector to take a batch.
const LONGEST_EXPORT: Duration = Duration::from_secs(3);
/// Nor, at the end, for it to take all of them.
const LAST_EXPORT: Duration = Duration::from_secs(5);

/// The spans of this process on their way to the collector.
pub struct Traces {
    provider: Option<SdkTracerProvider>,
}

impl Traces {
    /// From now on keeps the log of `process`, and sends its spans, if a collector is configured.
    ///
    /// # Errors
    /// When the collector's address or what is shown to it cannot be used.
    pub fn start(settings: &Settings, process: &'static str, output: Output) -> Result<Self, Failure> {
        let endpoint = settings.trace_endpoint.as_ref();
        let collector = endpoint.map(|endpoint| Collector::new(settings, endpoint, output));
        let provider = collector
            .transpose()?
            .map(|collector| provider(collector, process));
        let spans = provider.as_ref().map(|provider| {
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("tenon"))
                .with_location(false)
                .with_threads(false)
                .with_target(false)
                .with_tracked_inactivity(false)
                .with_context_activation(false)
                .with_filter(filter_fn(|metadata| metadata.is_span() && log::is_ours(metadata)))
        });
        let subscriber = tracing_subscriber::registry()
            .with(log::layer(composition::redactor(settings)))
            .with(spans);
        tracing::subscriber::set_global_default(subscriber)
            .map_err(|error| Failure::new(Exit::Bug, error.to_string()))?;
        if provider.is_some() {
            tenon_traces::install(Carrier { current, adopt, link });
        }
        Ok(Self { provider })
    }

    /// Sends what still waits, as far as there is time.
    pub async fn finish(self) {
        let Some(provider) = self.provider else { return };
        let sending = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_EXPORT));
        // What was lost was told of already.
        let _ = tokio::time::timeout(LAST_EXPORT, sending).await;
    }
}

/// The SDK with everything said that it would look for in the environment otherwise.
fn provider(collector: Collector, process: &'static str) -> SdkTracerProvider {
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE)
        .with_max_export_batch_size(BATCH)
        .with_scheduled_delay(BETWEEN_BATCHES)
        .build();
    let processor = BatchSpanProcessor::builder(collector)
        .with_batch_config(batches)
        .build();
    let resource = Resource::builder_empty().with_attributes([
        KeyValue::new("service.name", process),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", service_composition::worker_name()),
    ]);
    SdkTracerProvider::builder()
        .with_span_processor(processor)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
        .with_span_limits(SpanLimits::default())
        .with_resource(resource.build())
        .build()
}

/// Sends batches to the collector.
#[derive(Debug)]
struct Collector {
    client: Client,
    endpoint: String,
    headers: HeaderMap,
    resource: ResourceAttributesWithSchema,
    runtime: Handle,
    output: Output,
    was_told: AtomicBool,
}

impl Collector {
    fn new(settings: &Settings, endpoint: &str, output: Output) -> Result<Self, Failure> {
        let wrong = |error: &dyn std::fmt::Display| {
            let message = format!("cannot send traces to `{endpoint}`: {error}");
            Failure::new(Exit::Usage, message)
        };
        let url = Url::parse(endpoint).map_err(|error| wrong(&error))?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        for (name, value) in &settings.trace_headers {
            let name: HeaderName = name.parse().map_err(|error| wrong(&error))?;
            let mut value: HeaderValue = value.expose().parse().map_err(|error| wrong(&error))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        // What is shown to the collector must not follow a redirect.
        let builder = Client::builder().timeout(LONGEST_EXPORT).redirect(Policy::none());
        let builder = match is_loopback(&url) {
            true => builder.no_proxy(),
            false => builder,
        };
        Ok(Self {
            client: builder.build().map_err(|error| wrong(&error))?,
            endpoint: endpoint.to_owned(),
            headers,
            resource: ResourceAttributesWithSchema::default(),
            runtime: Handle::current(),
            output,
            was_told: AtomicBool::new(false),
        })
    }

    fn tell(&self, reason: &str) {
        if !self.was_told.swap(true, Ordering::Relaxed) {
            self.output.problem(&format!(
                "traces do not reach {} and are lost, everything else goes on: {reason}",
                self.endpoint
            ));
        }
    }
}

impl SpanExporter for Collector {
    async fn export(&self, spans: Vec<SpanData>) -> OTelSdkResult {
        let batch = ExportTraceServiceRequest {
            resource_spans: group_spans_by_resource_and_scope(spans, &self.resource),
        };
        let request = self.client.post(format!("{}/v1/traces", self.endpoint));
        let request = request.headers(self.headers.clone()).body(batch.encode_to_vec());
        // The thread that waits for this belongs to no runtime.
        let sent = self.runtime.spawn(send(request)).await;
        let sent = sent.unwrap_or_else(|error| Err(error.to_string()));
        sent.map_err(|reason| {
            self.tell(&reason);
            OTelSdkError::InternalFailure(reason)
        })
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

async fn send(request: RequestBuilder) -> Result<(), String> {
    let answer = request.send().await.map_err(|error| error.to_string())?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("it answers with the status {status}")),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn current() -> Option<Traceparent> {
    let context = Span::current().context();
    let span = context.span();
    let place = span.span_context();
    place.is_valid().then(|| Traceparent {
        trace: u128::from_be_bytes(place.trace_id().to_bytes()),
        span: u64::from_be_bytes(place.span_id().to_bytes()),
        flags: place.trace_flags().to_u8(),
    })
}

fn adopt(span: &Span, parent: Traceparent) {
    // A span that is not collected has no parent either.
    let _ = span.set_parent(Context::new().with_remote_span_context(place(parent)));
}

fn link(span: &Span, origin: Traceparent) {
    span.add_link(place(origin));
}

fn place(parent: Traceparent) -> SpanContext {
    SpanContext::new(
        TraceId::from_bytes(parent.trace.to_be_bytes()),
        SpanId::from_bytes(parent.span.to_be_bytes()),
        TraceFlags::new(parent.flags),
        true,
        TraceState::default(),
    )
}
