//! Tiny models and catalogs for the tests of this room.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test file uses some of it")]

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use tenon_domain::Digest;
use tenon_runtime::{CatalogEntry, PullEvent, PullObserver, PullOptions, Source};

/// A whole GGUF file whose one tensor has `elements` numbers.
pub fn tiny_model(elements: u64) -> Vec<u8> {
    GgufBuilder::new()
        .text("general.architecture", "tiny")
        .number("tiny.context_length", 512)
        .texts("tokenizer.ggml.tokens", &["a", "b"])
        .tensor("weights", &[elements], 0)
        .build()
}

/// Writes GGUF files, well-formed or not.
#[derive(Clone, Default)]
pub struct GgufBuilder {
    pairs: u64,
    metadata: Vec<u8>,
    tensors: u64,
    descriptions: Vec<u8>,
    data_bytes: u64,
    claimed_tensors: Option<u64>,
}

impl GgufBuilder {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn text(self, key: &str, value: &str) -> Self {
        let mut bytes = (value.len() as u64).to_le_bytes().to_vec();
        bytes.extend(value.as_bytes());
        self.pair(key, 8, &bytes)
    }

    pub fn number(self, key: &str, value: u32) -> Self {
        self.pair(key, 4, &value.to_le_bytes())
    }

    pub fn texts(self, key: &str, values: &[&str]) -> Self {
        let element = |value: &&str| [&(value.len() as u64).to_le_bytes()[..], value.as_bytes()].concat();
        let bytes: Vec<u8> = values.iter().flat_map(element).collect();
        self.array(key, 8, values.len() as u64, &bytes)
    }

    pub fn array(self, key: &str, kind: u32, count: u64, elements: &[u8]) -> Self {
        let bytes = [&kind.to_le_bytes()[..], &count.to_le_bytes(), elements].concat();
        self.pair(key, 9, &bytes)
    }

    fn pair(mut self, key: &str, kind: u32, value: &[u8]) -> Self {
        self.pairs += 1;
        self.metadata.extend((key.len() as u64).to_le_bytes());
        self.metadata.extend(key.as_bytes());
        self.metadata.extend(kind.to_le_bytes());
        self.metadata.extend(value);
        self
    }

    /// A tensor behind those that are there, of type 0 (four bytes each) or 8 (34 bytes for 32).
    pub fn tensor(mut self, name: &str, dimensions: &[u64], kind: u32) -> Self {
        self.tensors += 1;
        self.descriptions.extend((name.len() as u64).to_le_bytes());
        self.descriptions.extend(name.as_bytes());
        self.descriptions.extend((dimensions.len() as u32).to_le_bytes());
        for dimension in dimensions {
            self.descriptions.extend(dimension.to_le_bytes());
        }
        self.descriptions.extend(kind.to_le_bytes());
        self.descriptions.extend(self.data_bytes.to_le_bytes());
        let elements = dimensions
            .iter()
            .fold(1_u64, |product, &dimension| product.saturating_mul(dimension));
        let bytes = if kind == 0 {
            elements.saturating_mul(4)
        } else {
            elements.div_ceil(32).saturating_mul(34)
        };
        // Enough for honest tensors; those that lie get no data.
        self.data_bytes += if bytes < 1 << 26 { bytes } else { 0 };
        self
    }

    pub fn claiming_tensors(mut self, count: u64) -> Self {
        self.claimed_tensors = Some(count);
        self
    }

    pub fn build(self) -> Vec<u8> {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend(self.claimed_tensors.unwrap_or(self.tensors).to_le_bytes());
        bytes.extend(self.pairs.to_le_bytes());
        bytes.extend(self.metadata);
        bytes.extend(self.descriptions);
        bytes.resize(bytes.len().next_multiple_of(32), 0);
        // Not all the same byte, so that a piece at the wrong place is found out.
        bytes.extend((0..self.data_bytes).map(|index| (index % 251) as u8));
        bytes
    }
}

/// A catalog entry for `content`.
pub fn entry(content: &[u8], sources: Vec<Source>) -> CatalogEntry {
    CatalogEntry {
        name: "tiny-model".to_owned(),
        aliases: vec!["tiny".to_owned()],
        file: "tiny-model.gguf".to_owned(),
        bytes: content.len() as u64,
        digest: Digest::of(content),
        licence: "MIT".to_owned(),
        publisher: "nobody".to_owned(),
        summary: "a model for tests".to_owned(),
        context_length: 512,
        fills_in_the_middle: false,
        sources,
    }
}

pub fn hugging_face() -> Source {
    Source::HuggingFace {
        repository: "nobody/tiny".to_owned(),
        file: "tiny-model.gguf".to_owned(),
    }
}

/// Options that reach nothing beyond `address` and wait for nothing.
pub fn options(address: &str) -> PullOptions {
    let mut options = PullOptions {
        hugging_face: address.to_owned(),
        retry_pause: Duration::ZERO,
        idle_timeout: Duration::from_millis(500),
        ..PullOptions::default()
    };
    options.pip.arguments = vec!["--no-index".to_owned()];
    options
}

/// A wheel called `name` at version 1.0 that holds `members`.
pub fn wheel(folder: &Path, name: &str, members: &[(&str, &[u8])]) {
    let path = folder.join(format!("{name}-1.0-py3-none-any.whl"));
    let mut archive = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n");
    let kind = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let metadata_name = format!("{name}-1.0.dist-info/METADATA");
    let kind_name = format!("{name}-1.0.dist-info/WHEEL");
    let record_name = format!("{name}-1.0.dist-info/RECORD");
    let fixed: [(&str, &[u8]); 3] = [
        (&metadata_name, metadata.as_bytes()),
        (&kind_name, kind.as_bytes()),
        (&record_name, b""),
    ];
    for (member, content) in members.iter().chain(&fixed) {
        archive
            .start_file(*member, zip::write::SimpleFileOptions::default())
            .unwrap();
        std::io::Write::write_all(&mut archive, content).unwrap();
    }
    archive.finish().unwrap();
}

/// Remembers what happened.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<PullEvent>>);

impl Recorder {
    pub fn events(&self) -> Vec<PullEvent> {
        self.0.lock().unwrap().clone()
    }

    /// Why sources were passed over.
    pub fn reasons(&self) -> Vec<String> {
        let reason = |event| match event {
            PullEvent::PassedOver { reason, .. } => Some(reason),
            _ => None,
        };
        self.events().into_iter().filter_map(reason).collect()
    }

    /// Whether what was said to be done never went back.
    pub fn only_advanced(&self) -> bool {
        let done = |event: &PullEvent| match event {
            PullEvent::Advanced { bytes_done, .. } => Some(*bytes_done),
            _ => None,
        };
        self.events().iter().filter_map(done).is_sorted()
    }
}

impl PullObserver for Recorder {
    fn observe(&self, event: PullEvent) {
        self.0.lock().unwrap().push(event);
    }
}
