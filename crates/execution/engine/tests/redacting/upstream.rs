//! A real client and an upstream that writes down what it is sent.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tenon_remote::{FillRoute, RemoteConfiguration, RemoteModel, UpstreamKind};
use tenon_runtime::{GenerateRequest, Model, ModelDescriptor, ModelError, PromptInput, SampleStream};
use tenon_secrets::Kind;
use tenon_testkit::{FakeUpstream, UpstreamReply};

use crate::samples::{Random, Sample, sample};
use crate::{chat, raw, redacting, request};

const PROMPTS: usize = 200;

/// The fake listens on this machine, and stands for one that does not.
struct Far {
    model: RemoteModel,
    descriptor: ModelDescriptor,
}

impl Far {
    fn at(upstream: &FakeUpstream) -> Arc<dyn Model> {
        let mut configuration = RemoteConfiguration::new(
            UpstreamKind::LlamaServer,
            "far",
            &upstream.base_url(),
            "some-model",
            8_192,
        );
        configuration.dialect.fill = FillRoute::Infill;
        let model = RemoteModel::new(configuration).unwrap();
        let mut descriptor = model.descriptor().clone();
        descriptor.remote = true;
        redacting(Self { model, descriptor })
    }
}

#[async_trait]
impl Model for Far {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    async fn count_tokens(&self, texts: &[String]) -> Result<Vec<u32>, ModelError> {
        self.model.count_tokens(texts).await
    }

    async fn generate(&self, request: GenerateRequest) -> Result<SampleStream, ModelError> {
        self.model.generate(request).await
    }
}

/// A text with four secrets; of so many texts each kind has its turn.
fn text(number: usize, random: &mut Random) -> (String, Vec<Sample>) {
    // The last is no secret of its own.
    let kinds = &Kind::ALL[..Kind::ALL.len() - 1];
    let mut secrets = vec![sample(kinds[number % kinds.len()], random)];
    secrets.extend((0..3).map(|_| sample(kinds[random.below(kinds.len())], random)));
    let lines = secrets.iter().map(|secret| {
        let name = random.text("abcdefgh", 6);
        format!(
            "def {name}(self, value: int) -> None:\n    # grüße\n{}\n",
            secret.text
        )
    });
    (lines.collect(), secrets)
}

/// A third of the prompts each way.
fn prompt(number: usize, text: &str) -> PromptInput {
    match number % 3 {
        0 => chat(&["You write code.", text], ""),
        1 => raw(text),
        _ => PromptInput::Fill {
            prefix: text.to_owned(),
            suffix: "\nreturn".to_owned(),
        },
    }
}

/// What stands in a request where the text was.
fn arrived(body: &Value) -> &str {
    let places = ["/messages/1/content", "/prompt", "/input_prefix"];
    let mut texts = places.iter().filter_map(|place| body.pointer(place));
    texts.next().and_then(Value::as_str).unwrap()
}

async fn ask(model: &dyn Model, prompt: PromptInput) -> String {
    let stream = model.generate(request(prompt)).await.unwrap();
    let (samples, _) = stream.collect(1).await.unwrap();
    samples[0].text.clone()
}

#[tokio::test]
async fn two_hundred_prompts_arrive_without_their_secrets_and_echoes_come_back_with_them() {
    let mut random = Random(7);
    let texts: Vec<_> = (0..PROMPTS).map(|number| text(number, &mut random)).collect();

    let upstream = FakeUpstream::start(vec![UpstreamReply::text("ok"); PROMPTS]);
    let model = Far::at(&upstream);
    for (number, (text, _)) in texts.iter().enumerate() {
        assert_eq!(ask(&*model, prompt(number, text)).await, "ok");
    }
    let bodies = upstream.bodies();
    assert_eq!(bodies.len(), PROMPTS);
    for (body, (_, secrets)) in bodies.iter().zip(&texts) {
        let arrived = arrived(body);
        for secret in secrets {
            assert!(!arrived.contains(&secret.value), "{}: {arrived}", secret.kind);
            assert!(!body.to_string().contains(&secret.value), "{}", secret.kind);
        }
    }

    // The same prompts arrive as the same texts, which this upstream repeats.
    let replies = bodies
        .iter()
        .map(|body| UpstreamReply::text(arrived(body)).in_pieces_of(97));
    let echoing = FakeUpstream::start(replies.collect::<Vec<_>>());
    let model = Far::at(&echoing);
    for (number, (text, _)) in texts.iter().enumerate() {
        assert_eq!(&ask(&*model, prompt(number, text)).await, text);
    }
    assert_eq!(echoing.bodies(), bodies);
}

#[tokio::test]
async fn an_upstream_that_counts_sees_no_secret_either() {
    let upstream = FakeUpstream::start([]);
    let texts = ["ask ann@acme.io now".to_owned(), "nobody".to_owned()];
    assert_eq!(Far::at(&upstream).count_tokens(&texts).await.unwrap(), [3, 1]);
    let requests = upstream.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        let body = String::from_utf8(request.body).unwrap();
        assert!(!body.contains("ann@"), "{body}");
    }
}
