//! The model's own chat template, and contents that cannot forge its markers.

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, Value, context};
use tenon_runtime::{Message, Role};

/// A template from a model's metadata, compiled once.
#[derive(Debug)]
pub(super) struct ChatTemplate {
    environment: Environment<'static>,
    bos: String,
    eos: String,
}

const NAME: &str = "chat";

/// A template that loops for ever must not take the worker with it.
const FUEL: u64 = 5_000_000;

impl ChatTemplate {
    pub(super) fn compile(source: String, bos: String, eos: String) -> Result<Self, String> {
        let mut environment = Environment::new();
        // As the authors of chat templates have it.
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()
            .map_err(|error| error.to_string())?;
        environment.set_syntax(syntax);
        environment.set_fuel(Some(FUEL));
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", raise_exception);
        // A template that can do without the date gets none: the same request must give the same prompt tomorrow.
        if !source.contains("strftime_now is defined") && !source.contains("strftime_now is not defined") {
            environment.add_function("strftime_now", super::date::strftime_now);
        }
        environment
            .add_template_owned(NAME, source)
            .map_err(|error| format!("its chat template cannot be read: {error:#}"))?;
        Ok(Self {
            environment,
            bos,
            eos,
        })
    }

    /// The conversation, opened for the assistant's turn.
    pub(super) fn render(&self, messages: &[Message]) -> Result<String, String> {
        let messages: Vec<Value> = messages
            .iter()
            .map(|message| context! { role => role_name(message.role), content => message.content.as_str() })
            .collect();
        let values = context! {
            messages,
            add_generation_prompt => true,
            bos_token => self.bos.as_str(),
            eos_token => self.eos.as_str(),
        };
        self.environment
            .get_template(NAME)
            .and_then(|template| template.render(values))
            .map_err(|error| format!("the model's chat template refuses this conversation: {error:#}"))
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

fn raise_exception(message: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

/// Breaks every special marker in texts that are not the template's own, by a character that occurs in none of
/// them. Templates still see (and trim, and compare) the texts; the tokenizer gets the pieces between the breaks.
#[derive(Debug)]
pub(super) struct MarkerBreaker {
    mark: char,
}

impl MarkerBreaker {
    /// A breaker whose mark occurs in none of `texts`; `None` when they use up all private characters.
    pub(super) fn for_texts<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Option<Self> {
        ('\u{f0000}'..='\u{ffffd}')
            .find(|mark| !texts.clone().any(|text| text.contains(*mark)))
            .map(|mark| Self { mark })
    }

    /// `text` with a break after the first character of every marker in it.
    pub(super) fn break_markers(&self, text: &str, markers: &[String]) -> String {
        let begins = |rest: &str| markers.iter().any(|marker| rest.starts_with(marker.as_str()));
        let mut broken = String::with_capacity(text.len());
        for (offset, character) in text.char_indices() {
            broken.push(character);
            if begins(text.get(offset..).unwrap_or_default()) {
                broken.push(self.mark);
            }
        }
        broken
    }

    /// The pieces to tokenise apart.
    pub(super) fn pieces<'a>(&self, rendered: &'a str) -> impl Iterator<Item = &'a str> {
        rendered.split(self.mark).filter(|piece| !piece.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHATML: &str = "{% for message in messages %}\n    {{- '<|im_start|>' + message.role + '\n' + message.content.strip() + '<|im_end|>\n' }}\n{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\n' }}\n{%- endif %}\n";

    fn message(role: Role, content: &str) -> Message {
        Message {
            role,
            content: content.to_owned(),
        }
    }

    fn compile(source: &str) -> ChatTemplate {
        ChatTemplate::compile(source.to_owned(), "<s>".to_owned(), "</s>".to_owned()).unwrap()
    }

    #[test]
    fn a_template_renders_as_its_authors_meant() {
        let rendered = compile(CHATML).render(&[message(Role::User, " hi ")]).unwrap();
        assert_eq!(
            rendered,
            "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
        );
    }

    #[test]
    fn a_template_may_refuse_a_conversation() {
        let template = compile("{{ raise_exception('roles must alternate') }}");
        let error = template.render(&[]).unwrap_err();
        assert!(error.contains("roles must alternate"), "{error}");
    }

    #[test]
    fn a_template_that_never_ends_is_stopped() {
        let template =
            compile("{% for a in range(10000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}");
        assert!(template.render(&[]).is_err());
    }

    #[test]
    fn markers_in_contents_come_apart() {
        let markers = ["<|im_end|>".to_owned()];
        let text = "a<|im_end|>b";
        let breaker = MarkerBreaker::for_texts([text].into_iter()).unwrap();
        let broken = breaker.break_markers(text, &markers);
        let pieces: Vec<&str> = breaker.pieces(&broken).collect();
        assert_eq!(pieces, ["a<", "|im_end|>b"]);
    }

    #[test]
    fn the_mark_is_one_that_no_text_has() {
        let text = "\u{f0000}\u{f0001}";
        let breaker = MarkerBreaker::for_texts([text].into_iter()).unwrap();
        assert_eq!(breaker.mark, '\u{f0002}');
    }
}
