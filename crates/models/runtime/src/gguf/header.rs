use std::io::Read;

use super::reader::BoundedReader;
use super::value::{ARRAY, TEXT, array_header, read_value, skip_value};
use super::{FillMarkers, GgufFault, GgufSummary, tensor};

/// The fewest bytes of a pair: an empty key, a type and one byte.
const MIN_PAIR: u64 = 8 + 4 + 1;

/// Markers of the model families that fill in the middle, for files that name no ids: prefix, suffix, middle.
const KNOWN_MARKERS: [[&str; 3]; 4] = [
    ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"],
    ["<fim_prefix>", "<fim_suffix>", "<fim_middle>"],
    ["<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"],
    ["▁<PRE>", "▁<SUF>", "▁<MID>"],
];

/// Reads the header at the start of `reader`; `bytes` is the size of the whole file.
///
/// # Errors
/// When it is not GGUF, of an unknown version, contradicts itself, or describes more than `bytes`.
pub fn parse_gguf(reader: impl Read, bytes: u64) -> Result<GgufSummary, GgufFault> {
    let mut reader = BoundedReader::new(reader, bytes);
    let version = read_version(&mut reader)?;
    let (tensors, pairs) = (reader.u64()?, reader.u64()?);
    reader.admit(pairs, MIN_PAIR)?;
    let mut metadata = Metadata::default();
    for _ in 0..pairs {
        metadata.read_pair(&mut reader)?;
    }
    let alignment = metadata.alignment.unwrap_or(32);
    if alignment == 0 {
        return Err(GgufFault::Malformed(
            "its tensors are aligned to nothing".to_owned(),
        ));
    }
    let needed_bytes = tensor::read_extent(&mut reader, tensors, alignment.into())?;
    if needed_bytes > reader.end() {
        return Err(GgufFault::Truncated(needed_bytes));
    }
    metadata.summarise(version, tensors, needed_bytes)
}

fn read_version<R: Read>(reader: &mut BoundedReader<R>) -> Result<u32, GgufFault> {
    if reader.end() < 4 {
        return Err(GgufFault::NotGguf(format!("{} bytes", reader.end())));
    }
    let magic: [u8; 4] = reader.array()?;
    if &magic != b"GGUF" {
        return Err(GgufFault::NotGguf(format!("`{}`", magic.escape_ascii())));
    }
    match reader.u32()? {
        version @ (2 | 3) => Ok(version),
        version if (1..=3).contains(&version.swap_bytes()) => Err(GgufFault::Version(format!(
            "{} in big-endian order",
            version.swap_bytes()
        ))),
        version => Err(GgufFault::Version(version.to_string())),
    }
}

#[derive(Default)]
struct Metadata {
    architecture: Option<String>,
    name: Option<String>,
    licence: Option<String>,
    context_length: Option<u32>,
    layers: Option<u32>,
    alignment: Option<u32>,
    vocabulary: Option<u64>,
    has_chat_template: bool,
    named_markers: [Option<u32>; 3],
    found_markers: [[Option<u32>; 3]; KNOWN_MARKERS.len()],
}

impl Metadata {
    fn read_pair<R: Read>(&mut self, reader: &mut BoundedReader<R>) -> Result<(), GgufFault> {
        let key = reader.text()?;
        let kind = reader.u32()?;
        match key.as_str() {
            "general.architecture" => self.architecture = read_value(reader, kind)?.into_text(),
            "general.name" => self.name = read_value(reader, kind)?.into_text(),
            "general.license" => self.licence = read_value(reader, kind)?.into_text(),
            "general.alignment" => self.alignment = read_value(reader, kind)?.as_u32(),
            "tokenizer.chat_template" => {
                let template = read_value(reader, kind)?.into_text();
                self.has_chat_template = template.is_some_and(|template| !template.trim().is_empty());
            }
            "tokenizer.ggml.tokens" if kind == ARRAY => self.read_vocabulary(reader)?,
            key => self.read_other(reader, key, kind)?,
        }
        Ok(())
    }

    fn read_other<R: Read>(
        &mut self,
        reader: &mut BoundedReader<R>,
        key: &str,
        kind: u32,
    ) -> Result<(), GgufFault> {
        let marker = match key.strip_prefix("tokenizer.ggml.") {
            Some("fim_pre_token_id" | "prefix_token_id") => Some(0),
            Some("fim_suf_token_id" | "suffix_token_id") => Some(1),
            Some("fim_mid_token_id" | "middle_token_id") => Some(2),
            _ => None,
        };
        // The architecture's own keys carry its name in front, and it may be named after them.
        let is_context = key.ends_with(".context_length") && !key.contains(".rope.");
        if let Some(slot) = marker.and_then(|index: usize| self.named_markers.get_mut(index)) {
            *slot = read_value(reader, kind)?.as_u32();
        } else if is_context {
            self.context_length = read_value(reader, kind)?.as_u32();
        } else if key.ends_with(".block_count") {
            self.layers = read_value(reader, kind)?.as_u32();
        } else {
            skip_value(reader, kind, 0)?;
        }
        Ok(())
    }

    fn read_vocabulary<R: Read>(&mut self, reader: &mut BoundedReader<R>) -> Result<(), GgufFault> {
        let (kind, count) = array_header(reader)?;
        if kind != TEXT {
            return Err(GgufFault::Malformed(
                "its vocabulary is not a list of texts".to_owned(),
            ));
        }
        self.vocabulary = Some(count);
        for id in 0..count {
            // Tokens are bytes: a model may know half a character.
            let token = reader.bytes()?;
            let Ok(id) = u32::try_from(id) else { continue };
            for (markers, found) in KNOWN_MARKERS.iter().zip(&mut self.found_markers) {
                for (marker, slot) in markers.iter().zip(found) {
                    if token == marker.as_bytes() {
                        slot.get_or_insert(id);
                    }
                }
            }
        }
        Ok(())
    }

    fn fill_markers(&self) -> Option<FillMarkers> {
        let complete = |ids: &[Option<u32>; 3]| match *ids {
            [Some(prefix), Some(suffix), Some(middle)] => Some(FillMarkers {
                prefix,
                suffix,
                middle,
            }),
            _ => None,
        };
        complete(&self.named_markers).or_else(|| self.found_markers.iter().find_map(complete))
    }

    fn summarise(self, version: u32, tensors: u64, needed_bytes: u64) -> Result<GgufSummary, GgufFault> {
        let fill_markers = self.fill_markers();
        let architecture = self.architecture.filter(|name| !name.is_empty());
        let architecture =
            architecture.ok_or_else(|| GgufFault::Malformed("it names no architecture".to_owned()))?;
        Ok(GgufSummary {
            version,
            architecture,
            name: self.name,
            licence: self.licence,
            context_length: self.context_length,
            layers: self.layers,
            vocabulary: self.vocabulary,
            has_chat_template: self.has_chat_template,
            fill_markers,
            tensors,
            needed_bytes,
        })
    }
}
