//! A prompt becomes tokens: the template's markers are special tokens, what stands in messages is text.

use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token_type::LlamaTokenAttr;
use llama_cpp_2::vocab::LlamaVocab;
use tenon_runtime::{Message, ModelError, PromptInput};

use super::template::{ChatTemplate, MarkerBreaker};

/// Turns prompts into tokens, with what the model's metadata says.
#[derive(Debug)]
pub(super) struct PromptEncoder<'model> {
    vocabulary: LlamaVocab<'model>,
    /// The model's template, or why there is none.
    template: Result<ChatTemplate, String>,
    /// Texts that the tokenizer would read as special tokens.
    markers: Vec<String>,
    fill: Option<FillTokens>,
}

#[derive(Debug, Clone, Copy)]
struct FillTokens {
    prefix: LlamaToken,
    suffix: LlamaToken,
    middle: LlamaToken,
}

impl<'model> PromptEncoder<'model> {
    pub(super) fn new(model: &'model LlamaModel) -> Self {
        let vocabulary = model.vocab();
        let template = compile_template(model, &vocabulary);
        let markers = special_markers(&vocabulary);
        let fill = fill_tokens(&vocabulary);
        Self {
            vocabulary,
            template,
            markers,
            fill,
        }
    }

    pub(super) fn fills_in_the_middle(&self) -> bool {
        self.fill.is_some()
    }

    /// How many tokens `text` is, markers read as plain text.
    pub(super) fn count(&self, text: &str) -> u32 {
        let tokens = self.vocabulary.tokenize(text.as_bytes(), false, false);
        u32::try_from(tokens.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn encode(&self, prompt: &PromptInput) -> Result<Vec<LlamaToken>, ModelError> {
        let tokens = match prompt {
            PromptInput::Chat { messages, prefill } => self.encode_chat(messages, prefill)?,
            PromptInput::Fill { prefix, suffix } => self.encode_fill(prefix, suffix)?,
            PromptInput::Raw { text } => self.vocabulary.tokenize(text.as_bytes(), false, true),
        };
        let tokens = self.with_beginning(tokens);
        if tokens.is_empty() {
            return Err(refused("the prompt is empty"));
        }
        Ok(tokens)
    }

    fn encode_chat(&self, messages: &[Message], prefill: &str) -> Result<Vec<LlamaToken>, ModelError> {
        let template = self.template.as_ref().map_err(refused)?;
        let texts = messages
            .iter()
            .map(|message| message.content.as_str())
            .chain([prefill]);
        let breaker = MarkerBreaker::for_texts(texts)
            .ok_or_else(|| refused("the messages use every private character"))?;
        let messages: Vec<Message> = messages
            .iter()
            .map(|message| Message {
                role: message.role,
                content: breaker.break_markers(&message.content, &self.markers),
            })
            .collect();
        let mut rendered = template.render(&messages).map_err(refused)?;
        rendered.push_str(&breaker.break_markers(prefill, &self.markers));
        let mut tokens = Vec::with_capacity(rendered.len() / 2);
        for piece in breaker.pieces(&rendered) {
            tokens.extend(self.vocabulary.tokenize(piece.as_bytes(), false, true));
        }
        Ok(tokens)
    }

    fn encode_fill(&self, prefix: &str, suffix: &str) -> Result<Vec<LlamaToken>, ModelError> {
        let fill = self.fill.ok_or_else(|| {
            refused("the model has no tokens for filling in the middle; use one trained for it")
        })?;
        let mut tokens = vec![fill.prefix];
        tokens.extend(self.vocabulary.tokenize(prefix.as_bytes(), false, false));
        tokens.push(fill.suffix);
        tokens.extend(self.vocabulary.tokenize(suffix.as_bytes(), false, false));
        tokens.push(fill.middle);
        Ok(tokens)
    }

    /// The token that begins every text of this model, unless the template wrote it already.
    fn with_beginning(&self, mut tokens: Vec<LlamaToken>) -> Vec<LlamaToken> {
        let beginning = self.vocabulary.bos();
        if self.vocabulary.should_add_bos() && beginning.0 >= 0 && tokens.first() != Some(&beginning) {
            tokens.insert(0, beginning);
        }
        tokens
    }
}

fn refused(reason: impl ToString) -> ModelError {
    ModelError::Refused {
        reason: reason.to_string(),
    }
}

fn compile_template(model: &LlamaModel, vocabulary: &LlamaVocab<'_>) -> Result<ChatTemplate, String> {
    let none = "the model has no chat template; give it a raw prompt, or use an instruct model";
    let source = model
        .chat_template(None)
        .map_err(|_| none.to_owned())?
        .to_string()
        .map_err(|_| "the model's chat template is not UTF-8".to_owned())?;
    let text = |token: LlamaToken| match token.0 {
        ..0 => String::new(),
        _ => String::from_utf8_lossy(&vocabulary.token_to_piece(token, true, None)).into_owned(),
    };
    ChatTemplate::compile(source, text(vocabulary.bos()), text(vocabulary.eos()))
}

/// The tokens that the tokenizer finds in text only when it is told to look for special ones.
fn special_markers(vocabulary: &LlamaVocab<'_>) -> Vec<String> {
    vocabulary
        .tokens()
        .filter(|token| {
            let attributes = vocabulary.attr(*token);
            attributes.contains(LlamaTokenAttr::Control) || attributes.contains(LlamaTokenAttr::Unknown)
        })
        .filter_map(|token| vocabulary.text(token)?.to_str().ok().map(str::to_owned))
        .filter(|text| !text.is_empty())
        .collect()
}

fn fill_tokens(vocabulary: &LlamaVocab<'_>) -> Option<FillTokens> {
    let tokens = FillTokens {
        prefix: vocabulary.fim_pre(),
        suffix: vocabulary.fim_suf(),
        middle: vocabulary.fim_mid(),
    };
    let known = [tokens.prefix, tokens.suffix, tokens.middle]
        .iter()
        .all(|token| token.0 >= 0);
    known.then_some(tokens)
}
