use async_trait::async_trait;
use tenon_domain::ModelReference;
use tenon_runtime::{
    FinishReason, GenerateRequest, Model, ModelDescriptor, ModelError, Sample, SampleEvent, SampleStream,
};
use tokio::sync::mpsc;

pub type Event = Result<SampleEvent, ModelError>;

/// A remote model that sends these events, whatever it is asked.
pub struct Saying {
    descriptor: ModelDescriptor,
    events: Vec<Event>,
}

impl Saying {
    pub fn new(events: impl IntoIterator<Item = Event>) -> Self {
        Self {
            descriptor: ModelDescriptor {
                reference: ModelReference {
                    name: "saying".to_owned(),
                    digest: None,
                    price: None,
                },
                context_length: 4096,
                fills_in_the_middle: true,
                constrains: true,
                counts_exactly: true,
                remote: true,
            },
            events: events.into_iter().collect(),
        }
    }
}

#[async_trait]
impl Model for Saying {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    async fn count_tokens(&self, texts: &[String]) -> Result<Vec<u32>, ModelError> {
        Ok(vec![1; texts.len()])
    }

    async fn generate(&self, _: GenerateRequest) -> Result<SampleStream, ModelError> {
        let (sender, receiver) = mpsc::channel(self.events.len().max(1));
        for event in &self.events {
            sender.try_send(event.clone()).unwrap();
        }
        Ok(SampleStream::new(receiver))
    }
}

/// A piece of one sample.
pub fn piece(sample: u32, text: &str) -> Event {
    let text = text.to_owned();
    Ok(SampleEvent::Text { sample, text })
}

/// The end of one sample.
pub fn end(sample: u32, text: &str, tokens: &[u32]) -> Event {
    let result = Sample {
        text: text.to_owned(),
        completion_tokens: Some(3),
        mean_logprob: Some(-0.5),
        finish_reason: FinishReason::Stop,
        tokens: tokens.to_vec(),
        near_ties: 1,
    };
    Ok(SampleEvent::Finished { sample, result })
}
