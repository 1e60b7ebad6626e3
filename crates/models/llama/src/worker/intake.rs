//! What comes in: the reader takes orders and cancels at once, the preparer makes requests ready to run. Neither
//! waits for the model, so that counts are answered while it computes.

use std::collections::HashMap;
use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Weak};

use llama_cpp_2::model::LlamaModel;
use tenon_runtime::{GenerateRequest, ModelError};

use super::constraint::ConstraintCompiler;
use super::outbox::Outbox;
use super::prompt::PromptEncoder;
use super::request::PreparedRequest;
use crate::wire::{Order, Reply, read_frame};

/// Orders that wait for the preparer; the client keeps fewer requests in flight.
pub(super) const LONGEST_QUEUE: usize = 256;

/// More samples than this of one prompt are refused.
const MOST_SAMPLES: u32 = 64;

/// Work for the preparer.
pub(super) enum Task {
    Generate {
        id: u64,
        request: Box<GenerateRequest>,
        cancelled: Arc<AtomicBool>,
    },
    Count {
        id: u64,
        texts: Vec<String>,
    },
}

/// Reads orders until the client is gone.
pub(super) fn read_orders(stream: UnixStream, tasks: &SyncSender<Task>) {
    let mut source = BufReader::new(stream);
    let mut cancels: HashMap<u64, Weak<AtomicBool>> = HashMap::new();
    while let Ok(Some(order)) = read_frame::<Order>(&mut source) {
        let task = match order {
            Order::Load(_) => continue,
            Order::Cancel { id } => {
                if let Some(cancelled) = cancels.remove(&id).and_then(|flag| flag.upgrade()) {
                    cancelled.store(true, Ordering::Relaxed);
                }
                continue;
            }
            Order::Generate { id, request } => {
                let cancelled = Arc::new(AtomicBool::new(false));
                cancels.retain(|_, flag| flag.strong_count() > 0);
                cancels.insert(id, Arc::downgrade(&cancelled));
                Task::Generate {
                    id,
                    request: Box::new(request),
                    cancelled,
                }
            }
            Order::Count { id, texts } => Task::Count { id, texts },
        };
        if tasks.send(task).is_err() {
            return;
        }
    }
}

/// Makes requests ready to run.
pub(super) struct Preparer<'model> {
    pub model: &'model LlamaModel,
    pub encoder: PromptEncoder<'model>,
    pub constraints: ConstraintCompiler,
    pub context_length: u32,
    pub outbox: Outbox,
}

impl Preparer<'_> {
    pub(super) fn run(self, tasks: &Receiver<Task>, prepared: &SyncSender<PreparedRequest>) {
        while let Ok(task) = tasks.recv() {
            let reply = match task {
                Task::Count { id, texts } => Reply::Counted {
                    id,
                    counts: texts.iter().map(|text| self.encoder.count(text)).collect(),
                },
                Task::Generate {
                    id,
                    request,
                    cancelled,
                } => match self.prepare(id, *request, cancelled) {
                    Err(error) => Reply::Failed { id, error },
                    Ok(request) => {
                        // Said before the decoder can say anything about it.
                        let accepted = self.outbox.send_one(&Reply::Accepted { id });
                        if accepted.is_err() || prepared.send(request).is_err() {
                            return;
                        }
                        continue;
                    }
                },
            };
            if self.outbox.send_one(&reply).is_err() {
                return;
            }
        }
    }

    fn prepare(
        &self,
        id: u64,
        request: GenerateRequest,
        cancelled: Arc<AtomicBool>,
    ) -> Result<PreparedRequest, ModelError> {
        check(&request)?;
        let tokens = self.encoder.encode(&request.prompt)?;
        let prompt_tokens = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
        if prompt_tokens.saturating_add(request.max_tokens) > self.context_length {
            return Err(ModelError::TooLong {
                prompt_tokens,
                max_tokens: request.max_tokens,
                context_length: self.context_length,
            });
        }
        let matcher = request
            .constraint
            .as_ref()
            .map(|constraint| self.constraints.compile(self.model, constraint))
            .transpose()
            .map_err(|reason| ModelError::Refused { reason })?;
        Ok(PreparedRequest {
            id,
            request,
            tokens,
            matcher,
            cancelled,
        })
    }
}

fn check(request: &GenerateRequest) -> Result<(), ModelError> {
    let sampling = &request.sampling;
    let complaint = if request.samples == 0 || request.samples > MOST_SAMPLES {
        format!(
            "`samples` is {}; it must lie between 1 and {MOST_SAMPLES}",
            request.samples
        )
    } else if request.expected.is_some() && request.samples > 1 {
        "with `expected`, `samples` must be 1".to_owned()
    } else if !sampling.temperature.is_finite() || sampling.temperature < 0.0 {
        format!("`temperature` is {}; it must be 0 or more", sampling.temperature)
    } else if !(sampling.top_p > 0.0 && sampling.top_p <= 1.0) {
        format!(
            "`top_p` is {}; it must lie above 0 and not above 1",
            sampling.top_p
        )
    } else if !(0.0..=1.0).contains(&sampling.min_p) {
        format!("`min_p` is {}; it must lie between 0 and 1", sampling.min_p)
    } else {
        return Ok(());
    };
    Err(ModelError::Refused { reason: complaint })
}
